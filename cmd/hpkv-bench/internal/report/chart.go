package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Chart geometry, in pixels.
const (
	chartLabel  = 190 // room for a cell's name
	chartPanel  = 330 // width of one panel's bars
	chartValue  = 130 // room for the figures right of the bars
	chartGap    = 16
	chartBar    = 13
	chartRowGap = 7
	chartTop    = 96 // title, legend, axis
)

// palette colours the servers; the base is grey.
var palette = []string{"#0b6e99", "#d9730d", "#448361", "#9065b0", "#c14c8a"}

const (
	baseColour = "#9b9a97"
	inkColour  = "#37352f"
	softColour = "#787774"
	lineColour = "#e3e2e0"
)

// panel is one figure of the chart, drawn as its ratio to the base.
type panel struct {
	title string
	value func(Sample) float64
	print func(float64) string
}

var panels = []panel{
	{"operations per second, ratio (longer is better)", func(s Sample) float64 { return s.OpsPerSec }, func(f float64) string { return Count(f) + "/s" }},
	{"CPU per operation, ratio (shorter is better)", func(s Sample) float64 { return s.CPUMicros }, func(f float64) string { return Fixed(f, 2) + " us" }},
}

// WriteSVG draws throughput and CPU per operation of every cell, as ratios to
// the base server, whose 1.0 is the vertical line.
func (c *Comparison) WriteSVG(w io.Writer) error {
	height := chartTop
	for i := range c.Rows {
		height += c.rowHeight(&c.Rows[i])
	}
	height += 44
	width := chartLabel + len(panels)*(chartPanel+chartValue+chartGap)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica,Arial,sans-serif">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text(&b, 16, 28, 16, inkColour, "start", c.title())
	c.legend(&b, 16, 50)
	for n, p := range panels {
		left := chartLabel + n*(chartPanel+chartValue+chartGap)
		c.drawPanel(&b, p, left, height-44)
	}
	y := chartTop
	for i := range c.Rows {
		h := c.rowHeight(&c.Rows[i])
		text(&b, chartLabel-10, y+(h-chartRowGap)/2+4, 11, inkColour, "end", c.Rows[i].Cell.String())
		y += h
	}
	text(&b, 16, height-26, 10, softColour, "start", c.Machine.String())
	text(&b, 16, height-12, 10, softColour, "start", c.Placement+"; "+c.Generator)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Comparison) title() string {
	names := make([]string, 0, len(c.Servers))
	for _, s := range c.Servers {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%s: medians of %d rounds, %s = 1.0", strings.Join(names, ", "), c.Rounds, c.Base)
}

func (c *Comparison) rowHeight(r *Row) int { return len(r.Entries)*chartBar + chartRowGap }

func (c *Comparison) colour(server string) string {
	n := 0
	for _, s := range c.Servers {
		if s.Name == c.Base {
			if s.Name == server {
				return baseColour
			}
			continue
		}
		if s.Name == server {
			return palette[n%len(palette)]
		}
		n++
	}
	return baseColour
}

func (c *Comparison) legend(b *strings.Builder, x, y int) {
	for _, s := range c.Servers {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="11" height="11" fill="%s"/>`+"\n", x, y-9, c.colour(s.Name))
		label := s.Name
		if s.Version != "" {
			label += " (" + s.Version + ")"
		}
		if len(label) > 60 {
			label = label[:60] + "..."
		}
		text(b, x+16, y, 11, inkColour, "start", label)
		x += 40 + 6*len(label)
	}
}

// drawPanel draws one figure's axis and bars; bottom is the y of the last row's
// end.
func (c *Comparison) drawPanel(b *strings.Builder, p panel, left, bottom int) {
	longest := 1.2
	for i := range c.Rows {
		for _, e := range c.Rows[i].Entries {
			if r := c.relative(&c.Rows[i], e, p); !math.IsNaN(r) {
				longest = max(longest, r)
			}
		}
	}
	scale := func(r float64) float64 { return r / longest * chartPanel }
	text(b, left, chartTop-24, 11, inkColour, "start", p.title)
	step := axisStep(longest)
	for tick := 0.0; tick <= longest; tick += step {
		x := float64(left) + scale(tick)
		colour := lineColour
		if math.Abs(tick-1) < 1e-9 {
			colour = softColour
		}
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>`+"\n", x, chartTop-6, x, bottom, colour)
		text(b, int(x), chartTop-9, 9, softColour, "middle", Fixed(tick, 1))
	}
	y := chartTop
	for i := range c.Rows {
		for n, e := range c.Rows[i].Entries {
			at := y + n*chartBar
			r := c.relative(&c.Rows[i], e, p)
			if math.IsNaN(r) {
				text(b, left+4, at+chartBar-4, 9, softColour, "start", "no figure")
				continue
			}
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, at, scale(r), chartBar-2, c.colour(e.Server))
			label := p.print(p.value(e.Median))
			if e.Server != c.Base {
				label = Ratio(r) + "  " + label
			}
			text(b, left+int(scale(r))+5, at+chartBar-4, 9, inkColour, "start", label)
		}
		y += c.rowHeight(&c.Rows[i])
	}
}

func (c *Comparison) relative(r *Row, e Entry, p panel) float64 {
	base := r.Find(c.Base)
	if base == nil || e.Skipped != "" {
		return math.NaN()
	}
	return Quotient(p.value(e.Median), p.value(base.Median))
}

// axisStep keeps the axis at no more than about eight marks.
func axisStep(longest float64) float64 {
	for _, step := range []float64{0.2, 0.5, 1} {
		if longest/step <= 8 {
			return step
		}
	}
	return math.Ceil(longest / 8)
}

func text(b *strings.Builder, x, y, size int, colour, anchor, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="%d" fill="%s" text-anchor="%s">%s</text>`+"\n", x, y, size, colour, anchor, html.EscapeString(s))
}
