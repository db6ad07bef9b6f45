package numa

import "io"

func DetectAt(r Roots) (*Topology, error)              { panic("unfinished") }
func (t *Topology) Plan(o PlanOptions) *Plan           { panic("unfinished") }
func Pin(cpu int) error                                { panic("unfinished") }
func Unpin() error                                     { panic("unfinished") }
func Bind(addr uintptr, length int, node int) error    { panic("unfinished") }
func Describe(w io.Writer, t *Topology, p *Plan) error { panic("unfinished") }
func refusal(err error) bool                           { panic("unfinished") }

type Placer struct{}

// report is called at most once for each of pin and bind.
func NewPlacer(t *Topology, p *Plan, report func(error)) *Placer { panic("unfinished") }
func (p *Placer) Pin(worker int) bool                            { panic("unfinished") }
func (p *Placer) Unpin()                                         { panic("unfinished") }
func (p *Placer) Bind(addr uintptr, length int, node int) error  { panic("unfinished") }
