package server

import (
	"math"
	"math/rand/v2"
	"strings"

	"hpkv/resp"
	"hpkv/server/command"
	"hpkv/server/config"
)

// lolwutMost bounds the characters of a picture, which Redis leaves to the
// client: as large as it may be asked for, one would take 300 MB.
const lolwutMost = 1 << 20

// lolwut shows the version and, if one is asked for that has it, a picture in
// front: VERSION 5 [columns squares-per-row squares-per-column] draws squares in
// disarray, VERSION 6 [columns rows] a town at night. Sizes are brought into their
// bounds, and arguments behind them ignored, as in Redis.
func lolwut(ctx *command.Ctx) {
	version, args := int64(0), ctx.Args[1:]
	if len(args) >= 2 && resp.EqualFold(args[0], "VERSION") {
		a := resp.NewArgs(args[1:2])
		if version = a.Int64(); a.Err() != "" {
			ctx.W.Error(a.Err())
			return
		}
		args = args[2:]
	}
	var sizes []int
	switch version {
	case 5:
		sizes = []int{66, 8, 12}
	case 6:
		sizes = []int{80, 20}
	default:
		ctx.W.Verbatim("txt", lolwutVersion())
		return
	}
	most := [3]int64{1000, 200, 200}
	if version == 6 {
		most[1] = 1000
	}
	for i := range sizes[:min(len(sizes), len(args))] {
		a := resp.NewArgs(args[i : i+1])
		n := a.Int64()
		if a.Err() != "" {
			ctx.W.Error(a.Err())
			return
		}
		sizes[i] = int(min(max(n, 1), most[i]))
	}
	ctx.Defer(func(ctx *command.Ctx) {
		if version == 6 {
			ctx.W.Verbatim("txt", town(sizes[0], sizes[1])+"\n"+lolwutVersion())
			return
		}
		ctx.W.Verbatim("txt", schotter(sizes[0], sizes[1], sizes[2])+"\nGeorg Nees - schotter, plotter on paper, 1968. "+lolwutVersion())
	})
}

func lolwutVersion() string { return "Redis ver. " + config.RedisVersion + "\n" }

// dots is a canvas of Braille characters, each two dots wide and four high.
type dots struct {
	columns, rows int
	cells         []byte
}

// brailleBit is the bit of a dot in its character, by row and column.
var brailleBit = [4][2]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func (d *dots) set(x, y int) {
	if x >= 0 && y >= 0 && x < 2*d.columns && y < 4*d.rows {
		d.cells[y/4*d.columns+x/2] |= brailleBit[y%4][x%2]
	}
}

func (d *dots) line(x0, y0, x1, y1 float64) {
	steps := math.Ceil(max(math.Abs(x1-x0), math.Abs(y1-y0), 1))
	for i := 0.0; i <= steps; i++ {
		d.set(int(math.Round(x0+(x1-x0)*i/steps)), int(math.Round(y0+(y1-y0)*i/steps)))
	}
}

func (d *dots) String() string {
	var b strings.Builder
	b.Grow(3*len(d.cells) + d.rows)
	for i, c := range d.cells {
		b.WriteRune(rune(0x2800) + rune(c))
		if (i+1)%d.columns == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// schotter draws rows of squares that lose their order from the second row on.
func schotter(columns, across, down int) string {
	margin := 0.0
	if columns > 2 {
		margin = 2
	}
	side := (float64(2*columns) - 2*margin) / float64(across)
	height := int(side*float64(down) + 2*margin)
	d := &dots{columns: columns, rows: min(max((height+3)/4, 1), lolwutMost/columns)}
	d.cells = make([]byte, d.columns*d.rows)
	for row := range down {
		disorder := max(float64(row-1), 0) / float64(down)
		for column := range across {
			shift := func() float64 { return (rand.Float64() - 0.5) * side * disorder }
			x := margin + (float64(column)+0.5)*side + shift()
			y := margin + (float64(row)+0.5)*side + shift()
			if y-side > float64(4*d.rows) {
				continue
			}
			angle := math.Pi/4 + (rand.Float64()-0.5)*math.Pi/2*disorder
			var xs, ys [4]float64
			for i := range xs {
				sin, cos := math.Sincos(angle + float64(i)*math.Pi/2)
				xs[i], ys[i] = x+cos*side/math.Sqrt2, y+sin*side/math.Sqrt2
			}
			for i := range xs {
				d.line(xs[i], ys[i], xs[(i+1)%4], ys[(i+1)%4])
			}
		}
	}
	return d.String()
}

// The colours of a town: the sky, houses far away, the nearest ones, and light.
const (
	townSky   = "97;107"
	townFar   = "37;47"
	townNear  = "90;100"
	townNight = "30;40"
)

// town draws houses of chance sizes in front of each other, the darkest nearest,
// with lights in some windows.
func town(columns, rows int) string {
	rows = min(rows, lolwutMost/columns)
	cells := make([]string, columns*rows)
	for i := range cells {
		cells[i] = townSky
	}
	for layer, wall := range []string{townFar, townNear, townNight} {
		for x := -rand.IntN(4); x < columns; x += rand.IntN(4) {
			width := 4 + rand.IntN(8)
			top := rows * (layer + 1 + rand.IntN(4)) / 7
			for y := top; y < rows; y++ {
				for i := max(x, 0); i < min(x+width, columns); i++ {
					cells[y*columns+i] = wall
					if (y-top)%3 == 1 && (i-x)%3 == 1 && wall == townNight && rand.IntN(3) == 0 {
						cells[y*columns+i] = townSky
					}
				}
			}
			x += width
		}
	}
	var b strings.Builder
	for i, colour := range cells {
		b.WriteString("\x1b[0;" + colour + "m \x1b[0m")
		if (i+1)%columns == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
