#include "textflag.h"

// func loadBarrier()
TEXT ·loadBarrier(SB), NOSPLIT, $0-0
	DMB $0x9 // ISHLD
	RET

// func storeBarrier()
TEXT ·storeBarrier(SB), NOSPLIT, $0-0
	DMB $0xa // ISHST
	RET

// func pause()
TEXT ·pause(SB), NOSPLIT, $0-0
	YIELD
	RET

// func prefetch(p *bucket)
TEXT ·prefetch(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET
