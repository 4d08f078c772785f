package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
)

// canvas is a picture in the making.
type canvas struct {
	*image.RGBA
	d *dice
}

// paint makes a photo that looks like something at the size of a thumbnail.
func paint(subject string, d *dice) ([]byte, error) {
	w, h := 480, 640
	if subject == "scene" || subject == "chart" {
		w, h = 640, 480
	}
	c := canvas{image.NewRGBA(image.Rect(0, 0, w, h)), d}
	switch subject {
	case "chart":
		c.chart()
	case "receipt":
		c.receipt()
	case "document":
		c.document()
	case "scene":
		c.scene()
	default:
		return nil, fmt.Errorf("no picture of %q", subject)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, c.RGBA, &jpeg.Options{Quality: 70}); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}

func gray(v uint8) color.RGBA { return color.RGBA{v, v, v, 255} }

func (c canvas) fill(x, y, w, h int, col color.RGBA) {
	draw.Draw(c.RGBA, image.Rect(x, y, x+w, y+h), image.NewUniform(col), image.Point{}, draw.Src)
}

// shade fills from one colour at the top to another at the bottom.
func (c canvas) shade(y0, y1 int, from, to color.RGBA) {
	mix := func(a, b uint8, f float64) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*f) }
	for y := y0; y < y1; y++ {
		f := float64(y-y0) / float64(y1-y0)
		c.fill(0, y, c.Bounds().Dx(), 1, color.RGBA{mix(from.R, to.R, f), mix(from.G, to.G, f), mix(from.B, to.B, f), 255})
	}
}

func (c canvas) disc(x, y, r int, col color.RGBA) {
	for dy := -r; dy <= r; dy++ {
		half := int(math.Sqrt(float64(r*r - dy*dy)))
		c.fill(x-half, y+dy, 2*half+1, 1, col)
	}
}

// write prints s in capitals of five by seven dots.
func (c canvas) write(x, y, dot int, s string, col color.RGBA) {
	for _, r := range s {
		for row, bits := range glyphs[r] {
			for column := range 5 {
				if bits>>(4-column)&1 == 1 {
					c.fill(x+column*dot, y+row*dot, dot, dot, col)
				}
			}
		}
		x += 6 * dot
	}
}

// chart is a line over a grid, as cut from a screen.
func (c canvas) chart() {
	c.fill(0, 0, 640, 480, gray(252))
	title := c.d.of([]string{"NET ASSET VALUE", "10 YEAR YIELD", "EUR USD", "TOTAL RETURN", "GBP USD"})
	c.write(40, 28, 3, title, gray(50))
	for i := range 6 {
		c.fill(60, 90+i*62, 540, 1, gray(220))
		c.write(14, 84+i*62, 2, fmt.Sprint(140-i*8), gray(120))
	}
	line := color.RGBA{20, 95, 150, 255}
	y := 220.0 + float64(c.d.n(120))
	for x := 60; x < 600; x++ {
		y += float64(c.d.n(13)-6) * 0.75
		y = min(max(y, 100), 390)
		c.fill(x, int(y), 2, 400-int(y), color.RGBA{226, 238, 246, 255})
		c.fill(x, int(y)-2, 2, 5, line)
	}
	for i, q := range []string{"Q1", "Q2", "Q3", "Q4"} {
		c.write(90+i*140, 420, 2, q, gray(120))
	}
}

// receipt is a slip on a table.
func (c canvas) receipt() {
	c.fill(0, 0, 480, 640, color.RGBA{126, 96, 70, 255})
	for i := range 40 {
		c.fill(0, i*16+c.d.n(9), 480, 1+c.d.n(2), color.RGBA{114, 86, 62, 255})
	}
	x := 84 + c.d.n(30)
	c.fill(x+6, 46, 290, 560, color.RGBA{80, 60, 42, 255})
	c.fill(x, 40, 290, 560, gray(246))
	c.write(x+50, 64, 3, c.d.of([]string{"TRANSFER", "PAYMENT", "RECEIPT"}), gray(30))
	c.write(x+24, 112, 2, fmt.Sprintf("REF HV-%05d", 20000+c.d.n(9000)), gray(70))
	total := 0
	for i := range 7 {
		amount := 120 + c.d.n(9000)
		total += amount
		y := 160 + i*42
		c.fill(x+24, y, 90+c.d.n(50), 8, gray(150))
		c.write(x+196, y-3, 2, fmt.Sprintf("%6d", amount), gray(60))
	}
	c.fill(x+24, 462, 242, 2, gray(60))
	c.write(x+24, 482, 3, "TOTAL", gray(30))
	c.write(x+160, 482, 3, fmt.Sprintf("%6d", total), gray(30))
	for i := range 58 {
		c.fill(x+40+i*4, 536, 1+c.d.n(3), 40, gray(30))
	}
}

// document is a page photographed on a desk.
func (c canvas) document() {
	c.shade(0, 640, color.RGBA{70, 78, 88, 255}, color.RGBA{44, 50, 58, 255})
	c.fill(52, 40, 380, 570, color.RGBA{30, 34, 40, 255})
	c.fill(44, 32, 380, 570, color.RGBA{248, 247, 242, 255})
	c.write(76, 64, 3, c.d.of([]string{"CERTIFICATE", "STATEMENT", "DECLARATION", "MANDATE"}), gray(40))
	y := 120
	for range 4 {
		for range 3 + c.d.n(2) {
			c.fill(76, y, 240+c.d.n(70), 6, gray(170))
			y += 16
		}
		c.fill(76, y, 90+c.d.n(150), 6, gray(170))
		y += 34
	}
	ink := color.RGBA{30, 50, 130, 255}
	for i := range 110 { // a signature
		c.fill(90+i, 540+int(12*math.Sin(float64(i)/(4+float64(c.d.n(2))))), 3, 3, ink)
	}
	c.fill(84, 566, 150, 1, gray(90))
	for r := 34; r > 28; r-- { // a stamp's ring
		c.disc(352, 540, r, color.RGBA{180, 60, 60, 255})
	}
	c.disc(352, 540, 28, color.RGBA{248, 247, 242, 255})
	c.write(330, 533, 2, "COPY", color.RGBA{180, 60, 60, 255})
}

// scene is a view: hills, a town, or the sea, at some time of day.
func (c canvas) scene() {
	skies := [][2]color.RGBA{
		{{88, 150, 214, 255}, {206, 228, 242, 255}},
		{{242, 150, 96, 255}, {252, 214, 150, 255}},
		{{46, 58, 104, 255}, {188, 120, 140, 255}},
	}
	sky := skies[c.d.n(len(skies))]
	c.shade(0, 480, sky[0], sky[1])
	c.disc(80+c.d.n(480), 70+c.d.n(90), 28+c.d.n(14), color.RGBA{255, 244, 210, 255})
	switch c.d.n(3) {
	case 0:
		c.hills()
	case 1:
		c.town()
	default:
		c.shade(280, 480, color.RGBA{28, 96, 130, 255}, color.RGBA{14, 58, 84, 255})
		for range 70 {
			c.fill(c.d.n(640), 284+c.d.n(190), 14+c.d.n(50), 2, color.RGBA{120, 170, 190, 255})
		}
		for i := range 60 { // a sail
			c.fill(300, 180+i*2, i, 2, gray(250))
		}
		c.fill(270, 302, 110, 14, color.RGBA{90, 50, 36, 255})
	}
}

func (c canvas) hills() {
	for layer := range 3 {
		shade := uint8(150 - 40*layer)
		a, b := 40+float64(c.d.n(60)), float64(c.d.n(360))
		for x := range 640 {
			top := 250 + layer*70 - int(a*math.Sin(float64(x)/110+b)) - int(18*math.Sin(float64(x)/37+2*b))
			c.fill(x, top, 1, 480-top, color.RGBA{shade / 2, shade, shade/2 + 20, 255})
		}
	}
}

func (c canvas) town() {
	for x := 0; x < 640; {
		w, top := 44+c.d.n(60), 120+c.d.n(210)
		wall := uint8(50 + c.d.n(60))
		c.fill(x, top, w-4, 480-top, color.RGBA{wall, wall, wall + 14, 255})
		for wy := top + 12; wy < 470; wy += 22 {
			for wx := x + 8; wx < x+w-14; wx += 16 {
				if c.d.n(3) > 0 {
					c.fill(wx, wy, 8, 12, color.RGBA{246, 214, 130, 255})
				}
			}
		}
		x += w
	}
}

// glyphs are capitals and digits, seven rows of five dots each.
var glyphs = map[rune][7]byte{
	'0': {14, 17, 19, 21, 25, 17, 14}, '1': {4, 12, 4, 4, 4, 4, 14}, '2': {14, 17, 1, 6, 8, 16, 31},
	'3': {14, 17, 1, 6, 1, 17, 14}, '4': {2, 6, 10, 18, 31, 2, 2}, '5': {31, 16, 30, 1, 1, 17, 14},
	'6': {6, 8, 16, 30, 17, 17, 14}, '7': {31, 1, 2, 4, 8, 8, 8}, '8': {14, 17, 17, 14, 17, 17, 14},
	'9': {14, 17, 17, 15, 1, 2, 12}, '-': {0, 0, 0, 14, 0, 0, 0},
	'A': {14, 17, 17, 31, 17, 17, 17}, 'B': {30, 17, 17, 30, 17, 17, 30}, 'C': {14, 17, 16, 16, 16, 17, 14},
	'D': {30, 17, 17, 17, 17, 17, 30}, 'E': {31, 16, 16, 30, 16, 16, 31}, 'F': {31, 16, 16, 30, 16, 16, 16},
	'G': {14, 17, 16, 23, 17, 17, 15}, 'H': {17, 17, 17, 31, 17, 17, 17}, 'I': {14, 4, 4, 4, 4, 4, 14},
	'L': {16, 16, 16, 16, 16, 16, 31}, 'M': {17, 27, 21, 21, 17, 17, 17}, 'N': {17, 25, 21, 19, 17, 17, 17},
	'O': {14, 17, 17, 17, 17, 17, 14}, 'P': {30, 17, 17, 30, 16, 16, 16}, 'Q': {14, 17, 17, 17, 21, 18, 13},
	'R': {30, 17, 17, 30, 20, 18, 17}, 'S': {15, 16, 16, 14, 1, 1, 30}, 'T': {31, 4, 4, 4, 4, 4, 4},
	'U': {17, 17, 17, 17, 17, 17, 14}, 'V': {17, 17, 17, 17, 17, 10, 4}, 'Y': {17, 17, 10, 4, 4, 4, 4},
}
