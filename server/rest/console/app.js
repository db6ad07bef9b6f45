// The console shows what INFO, SLOWLOG and HPKV.RANGE say. It asks once a second,
// and waits for an answer before it asks again.

const period = 1000
const history = 120 // points of a line
const page = 100 // keys of a look-up
const longest = 20000 // characters of a value that are shown

const $ = id => document.getElementById(id)
let apiKey = sessionStorage.getItem('hpkv-key') || ''
let timer = 0
let before = null // the figures of a second ago

// ask runs commands and returns their results; what failed is an Error.
async function ask(...commands) {
  const answer = await fetch('/pipeline', {
    method: 'POST',
    headers: { Authorization: 'Bearer ' + apiKey, 'Content-Type': 'application/json' },
    body: JSON.stringify(commands),
  })
  const body = await answer.json()
  if (!answer.ok) {
    const refused = new Error(body.error || 'status ' + answer.status)
    refused.denied = answer.status === 401 || answer.status === 403
    throw refused
  }
  return body.map(r => ('error' in r ? new Error(r.error) : r.result))
}

// parseInfo turns the text of INFO into its fields.
function parseInfo(text) {
  const fields = {}
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && line[0] !== '#') fields[line.slice(0, colon)] = line.slice(colon + 1)
  }
  return fields
}

// pairs turns "a=1,b=2" into {a: '1', b: '2'}.
const pairs = text => Object.fromEntries(text.split(',').map(p => p.split('=')))

const count = n => Math.round(Number(n)).toLocaleString('en')

// micros shows microseconds as precisely as they matter.
const micros = n => n === undefined ? '' : n >= 100 ? count(n) : String(Number(Number(n).toPrecision(2)))

// ago is a time in its largest unit of which there are two.
function ago(seconds) {
  for (const [unit, length] of [['days', 86400], ['h', 3600], ['min', 60]]) {
    if (seconds >= 2 * length) return `${count(Math.floor(seconds / length))} ${unit}`
  }
  return `${count(seconds)} s`
}

function bytes(n) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let at = 0
  for (n = Number(n); n >= 1024 && at < units.length - 1; at++) n /= 1024
  return (at ? n.toFixed(1) : n) + ' ' + units[at]
}

// fill makes rows of cells; all text is set as text.
function fill(body, rows, none) {
  const list = rows.length ? rows : [[none]]
  body.replaceChildren(...list.map(cells => {
    const row = document.createElement('tr')
    for (const text of cells) {
      const cell = document.createElement('td')
      cell.textContent = text
      if (!rows.length) cell.colSpan = 9
      row.append(cell)
    }
    return row
  }))
}

const lines = {}
function draw(id, value) {
  const points = (lines[id] = (lines[id] || []).concat(value).slice(-history))
  const top = Math.max(...points, 1)
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline')
  const from = history - points.length
  line.setAttribute('points', points.map((v, i) => `${from + i},${31 - (30 * v) / top}`).join(' '))
  $(id).replaceChildren(line)
}

function show(info, slow) {
  const now = performance.now()
  const seconds = before ? (now - before.at) / 1000 : 0
  const calls = {}
  const rows = []
  for (const [field, text] of Object.entries(info)) {
    if (!field.startsWith('cmdstat_')) continue
    const name = field.slice('cmdstat_'.length)
    const stat = pairs(text)
    const times = pairs(info['latency_percentiles_usec_' + name] || '')
    calls[name] = Number(stat.calls)
    const rate = seconds ? (calls[name] - (before.calls[name] || 0)) / seconds : 0
    rows.push({ rate, calls: calls[name], cells: [name.replace('|', ' '), count(rate), count(stat.calls), micros(times['p50']), micros(times['p99']), micros(times['p99.9']), count(stat.failed_calls)] })
  }
  rows.sort((a, b) => b.rate - a.rate || b.calls - a.calls)
  fill($('commands'), rows.slice(0, 20).map(r => r.cells), 'none yet')

  const done = Number(info.total_commands_processed)
  const ops = seconds ? Math.max((done - before.done) / seconds, 0) : Number(info.instantaneous_ops_per_sec)
  before = { at: now, done, calls }
  $('ops').textContent = count(ops)
  draw('ops-line', ops)
  $('memory').textContent = bytes(info.used_memory)
  $('memory-note').textContent = `${bytes(info.used_memory_rss)} resident, ${bytes(info.used_memory_peak)} at most` +
    (info.maxmemory !== '0' ? `, limit ${bytes(info.maxmemory)}` : '')
  draw('memory-line', Number(info.used_memory))

  const spaces = Object.keys(info).filter(f => /^db\d+$/.test(f)).map(f => ({ name: f, ...pairs(info[f]) }))
  $('keys').textContent = count(spaces.reduce((sum, db) => sum + Number(db.keys), 0))
  $('keys-note').textContent = spaces.map(db => `${db.name}: ${count(db.keys)}, ${count(db.expires)} expire`).join('; ') || 'empty'
  $('clients').textContent = count(info.connected_clients)
  $('clients-note').textContent = `${count(info.blocked_clients)} blocked, ${count(info.total_connections_received)} since the start`
  $('shards').textContent = `${info.shards} shards`
  $('server').textContent = `${info.hpkv_version}, up ${ago(info.uptime_in_seconds)}`

  fill($('workers'), Object.keys(info).filter(f => /^worker\d+$/.test(f)).map(f => {
    const w = pairs(info[f])
    return [f.slice('worker'.length), w.cpu, w.node, w.connections]
  }), 'a goroutine for each connection')
  fill($('slow'), slow instanceof Error ? [] : slow.map(([, when, us, args]) =>
    [new Date(when * 1000).toLocaleTimeString(), count(us), args.join(' ').slice(0, 200)]), slow instanceof Error ? slow.message : 'nothing was slow')
}

async function tick() {
  try {
    const [info, slow] = await ask(['INFO', 'everything'], ['SLOWLOG', 'GET', '10'])
    if (info instanceof Error) throw info
    show(parseInfo(info), slow)
    $('trouble').textContent = ''
    open(true)
  } catch (e) {
    if (e.denied) return leave(e.message)
    $('trouble').textContent = 'The server does not answer: ' + e.message
  }
  if (apiKey) timer = setTimeout(tick, period)
}

function open(in_) {
  $('login').hidden = in_
  $('board').hidden = !in_
  $('leave').hidden = !in_
}

function leave(why) {
  clearTimeout(timer)
  apiKey = ''
  before = null
  sessionStorage.removeItem('hpkv-key')
  $('refusal').textContent = why
  $('server').textContent = ''
  open(false)
}

let from = ''
async function browse(start) {
  const prefix = $('prefix').value
  const end = prefix ? prefix + '\u{10FFFF}' : ''
  const [result] = await ask(['HPKV.RANGE', start, end, 'LIMIT', String(page), 'KEYS'])
  if (start === prefix) $('found').replaceChildren()
  if (result instanceof Error) {
    $('chosen-note').textContent = result.message
    return
  }
  const [cursor, keys] = result
  for (const key of keys) {
    const item = document.createElement('li')
    const button = document.createElement('button')
    button.textContent = key
    button.addEventListener('click', () => choose(key, button))
    item.append(button)
    $('found').append(item)
  }
  if (!$('found').children.length) $('chosen-note').textContent = 'no key begins so'
  from = cursor
  $('more').hidden = cursor === null
}

// How values of other types are read, as far as they are shown.
const readers = {
  string: key => ['GETRANGE', key, '0', String(longest)],
  list: key => ['LRANGE', key, '0', '99'],
  set: key => ['SSCAN', key, '0', 'COUNT', '100'],
  hash: key => ['HSCAN', key, '0', 'COUNT', '100'],
  zset: key => ['ZRANGE', key, '0', '99', 'WITHSCORES'],
}

async function choose(key, button) {
  for (const b of $('found').querySelectorAll('[aria-current]')) b.removeAttribute('aria-current')
  button.setAttribute('aria-current', 'true')
  const [type, ttl, size] = await ask(['TYPE', key], ['PTTL', key], ['MEMORY', 'USAGE', key])
  $('chosen').textContent = key
  $('value').textContent = ''
  if (type === 'none') {
    $('chosen-note').textContent = 'gone'
    return
  }
  $('chosen-note').textContent = `${type}, ${bytes(size)}, ${ttl < 0 ? 'does not expire' : 'expires in ' + count(ttl / 1000) + ' s'}`
  const read = readers[type]
  if (!read) return
  const [value] = await ask(read(key))
  $('value').textContent = value instanceof Error ? value.message
    : typeof value === 'string' ? value.slice(0, longest) : JSON.stringify(value, null, 1)
}

// guarded reports what an action of the user ran into.
const guarded = action => async event => {
  event?.preventDefault()
  try {
    await action()
  } catch (e) {
    if (e.denied) leave(e.message)
    else $('trouble').textContent = e.message
  }
}

$('login').addEventListener('submit', event => {
  event.preventDefault()
  apiKey = $('key').value.trim()
  $('key').value = ''
  sessionStorage.setItem('hpkv-key', apiKey)
  tick()
})
$('leave').addEventListener('click', () => leave(''))
$('browse').addEventListener('submit', guarded(() => browse($('prefix').value)))
$('more').addEventListener('click', guarded(() => browse(from)))
if (apiKey) tick()
