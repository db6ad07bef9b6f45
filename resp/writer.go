package resp

// Writer builds the replies for one client in RESP2 or RESP3. Handlers say what
// they mean and never ask for the protocol.
type Writer struct {
	buf   []byte
	resp3 bool
}

func (w *Writer) Bytes() []byte                { return w.buf }
func (w *Writer) Reset(buf []byte, proto int)  { w.buf = buf[:0]; w.resp3 = proto >= 3 }
func (w *Writer) Proto() int                   { panic("unfinished") }
func (w *Writer) SetProto(proto int)           { panic("unfinished") }
func (w *Writer) Len() int                     { return len(w.buf) }
func (w *Writer) Truncate(n int)               { w.buf = w.buf[:n] }
func (w *Writer) Buffer() []byte               { return w.buf }
func (w *Writer) SetBuffer(buf []byte)         { w.buf = buf }
func (w *Writer) OK()                          { panic("unfinished") }
func (w *Writer) Status(s string)              { panic("unfinished") }
func (w *Writer) Error(text string)            { panic("unfinished") }
func (w *Writer) Int(n int64)                  { panic("unfinished") }
func (w *Writer) Bulk(b []byte)                { panic("unfinished") }
func (w *Writer) BulkString(s string)          { panic("unfinished") }
func (w *Writer) BulkInt(n int64)              { panic("unfinished") }
func (w *Writer) Null()                        { panic("unfinished") }
func (w *Writer) NullArray()                   { panic("unfinished") }
func (w *Writer) Array(n int)                  { panic("unfinished") }
func (w *Writer) Map(pairs int)                { panic("unfinished") }
func (w *Writer) Set(n int)                    { panic("unfinished") }
func (w *Writer) Push(n int)                   { panic("unfinished") }
func (w *Writer) Double(f float64)             { panic("unfinished") }
func (w *Writer) Bool(b bool)                  { panic("unfinished") }
func (w *Writer) BigNumber(digits string)      { panic("unfinished") }
func (w *Writer) Verbatim(format, text string) { panic("unfinished") }
func (w *Writer) Raw(b []byte)                 { w.buf = append(w.buf, b...) }

// BeginArray opens an array whose length is not known yet; EndArray (or EndMap,
// EndSet, EndPush) closes it. Between them the elements are written as usual.
func (w *Writer) BeginArray() (mark int) { panic("unfinished") }
func (w *Writer) EndArray(mark, n int)   { panic("unfinished") }
func (w *Writer) EndMap(mark, pairs int) { panic("unfinished") }
func (w *Writer) EndSet(mark, n int)     { panic("unfinished") }
func (w *Writer) EndPush(mark, n int)    { panic("unfinished") }

// AppendBulkHeader appends "$n\r\n".
func AppendBulkHeader(dst []byte, n int) []byte { panic("unfinished") }
