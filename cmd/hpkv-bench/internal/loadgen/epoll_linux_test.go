package loadgen

// epoll says that a worker sees all its connections, so that gaps exist.
const epoll = true
