package report

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/internal/text"
)

// PixelPage is what a report about maps of classes is about.
type PixelPage struct {
	// Header says what ran on what, and Summary has the figures.
	Header  segmentation.Header
	Summary *segmentation.Summary
	// Parts are the files of predictions.
	Parts []string
	// Worst are the pictures to show; see [Worst] and [PixelFinder.Find].
	Worst []WorstPicture
	// View says in words what the model saw of a picture, and Labelling what labels mean.
	View, Labelling string
	// Command is the line that makes the same report again, as shells take it, or empty.
	Command string
}

// WorstPicture is a picture whose map has a low mean IoU.
type WorstPicture struct {
	segmentation.Record
	segmentation.Figures
	// Picture is made small, or nil; Missing says why it is not there, as a sentence without a full stop. Truth and TruthMissing are the same of its labels, Map and
	// MapMissing of what the model made of it.
	Picture, Truth, Map               image.Image
	Missing, TruthMissing, MapMissing string
	// Classes are those with the most pixels in labels and map.
	Classes []Swatch
}

// Swatch is the colour of a class. Class is -1 for what does not count.
type Swatch struct {
	Class  int
	Colour string
}

// Worst returns the n pictures with the lowest mean IoU among records, the lowest first. Of equal ones that of which fewer pixels are right, and then the first of the data
// set, comes first. Pictures of which no pixel counts are not among them. The error is that of records.
func Worst(records iter.Seq2[segmentation.Record, error], classes, n int) ([]WorstPicture, error) {
	var worst []WorstPicture
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		p := WorstPicture{Record: record, Figures: record.Figures(classes)}
		if n == 0 || !p.Accuracy.Known() {
			continue
		}
		at, _ := slices.BinarySearchFunc(worst, p, func(a, b WorstPicture) int {
			return cmp.Or(cmp.Compare(a.MeanIoU, b.MeanIoU), cmp.Compare(a.Accuracy, b.Accuracy), cmp.Compare(a.Index, b.Index))
		})
		if at < n {
			worst = slices.Insert(worst, at, p)
			worst = worst[:min(n, len(worst))]
		}
	}
	return worst, nil
}

// PixelFinder looks for pictures and labels, as [Finder] does.
type PixelFinder struct {
	// Header is that of the records.
	Header segmentation.Header
	// Images and Labels are folders in which pictures and labels are looked for, besides those of the data below the working directory.
	Images, Labels []string
}

// Find draws the pictures, their labels and their maps, or says why one is missing. The error is that of ctx.
func (f *PixelFinder) Find(ctx context.Context, worst []WorstPicture) error {
	palette := segment.Palette(f.Header.Model.Palette, f.Header.Model.Config.Classes)
	for i := range worst {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := &worst[i]
		picture, err := f.picture(w.Record)
		if w.Picture, w.Missing = picture, missingText(err); err != nil {
			w.Picture = nil
		}
		truth, err := f.labels(w.Record)
		w.TruthMissing = missingText(err)
		if err == nil {
			w.Truth = drawSmall(truth, palette)
		}
		predicted, err := w.Prediction(len(palette))
		if err == nil && predicted == nil {
			err = errNoMap
		}
		w.MapMissing = missingText(err)
		if err == nil {
			w.Map = drawSmall(predicted, palette)
		}
		w.Classes = swatches(palette, truth, predicted, w.Ignored > 0)
	}
	return nil
}

// errNoMap says that a record has no map to draw.
var errNoMap = errdef.New(errdef.ErrInput, "the predictions have no map of it")

func missingText(err error) string {
	if err == nil {
		return ""
	}
	return reasonOf(err)
}

// Why a file is not taken for that of a record.
var (
	errOtherSize   = errdef.New(errdef.ErrInput, "the file has another size than the picture that was evaluated")
	errOtherLabels = errdef.New(errdef.ErrInput, "the file is not the one that was evaluated: its CRC-32C is another one")
)

// picture returns the picture of a record, made small.
func (f *PixelFinder) picture(r segmentation.Record) (image.Image, error) {
	path, err := places{f.Header.Data.ImagesFolder, f.Images}.find(text.Bytes(r.Image))
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decode := preprocess.Decode
	if f.Header.View.Upright() {
		decode = preprocess.DecodeUpright
	}
	picture, err := decode(file)
	switch {
	case err != nil:
		return nil, err
	case picture.Width != r.Width || picture.Height != r.Height:
		return nil, errOtherSize
	}
	return shrunk(picture), nil
}

// labels returns the labels of a record, made small.
func (f *PixelFinder) labels(r segmentation.Record) (*segmentation.Small, error) {
	path, err := places{f.Header.Data.LabelsFolder, f.Labels}.find(text.Bytes(r.Labels))
	if err != nil {
		return nil, err
	}
	labels, content, err := segmentation.ReadLabels(path)
	switch {
	case err != nil:
		return nil, err
	case content != r.Content:
		return nil, errOtherLabels
	case labels.Width != r.Width || labels.Height != r.Height:
		return nil, errOtherSize
	}
	return f.Header.Data.Shrink(labels), nil
}

// unlabelledColour is that of pixels that do not count.
var unlabelledColour = color.RGBA{A: 0xff}

// drawSmall draws a small map in the colours of its classes.
func drawSmall(s *segmentation.Small, palette []color.RGBA) image.Image {
	drawn := image.NewRGBA(image.Rect(0, 0, s.Width, s.Height))
	for i, class := range s.Classes {
		c := unlabelledColour
		if class >= 0 && class < len(palette) {
			c = palette[class]
		}
		drawn.SetRGBA(i%s.Width, i/s.Width, c)
	}
	return drawn
}

// mostSwatches is how many classes of a picture are named.
const mostSwatches = 6

// swatches returns the classes of which small maps, which may be nil, have the most pixels.
func swatches(palette []color.RGBA, truth, predicted *segmentation.Small, ignored bool) []Swatch {
	counts := map[int]int{}
	for _, s := range []*segmentation.Small{truth, predicted} {
		if s == nil {
			continue
		}
		for _, class := range s.Classes {
			if class >= 0 && class < len(palette) {
				counts[class]++
			}
		}
	}
	var all []Swatch
	for class := range counts {
		c := palette[class]
		all = append(all, Swatch{class, fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)})
	}
	slices.SortFunc(all, func(a, b Swatch) int {
		return cmp.Or(-cmp.Compare(counts[a.Class], counts[b.Class]), cmp.Compare(a.Class, b.Class))
	})
	all = all[:min(mostSwatches, len(all))]
	if truth != nil && ignored {
		all = append(all, Swatch{-1, "#000000"})
	}
	return all
}

// Panel is one of the drawings of a picture.
type Panel struct {
	Source        template.URL
	Width, Height int
	// What says what it is, and Missing why it is not there.
	What, Missing string
}

// Panels returns the drawings of a picture.
func (w *WorstPicture) Panels() ([]Panel, error) {
	var panels []Panel
	for _, p := range []struct {
		drawn         image.Image
		what, missing string
	}{{w.Picture, "the picture", w.Missing}, {w.Truth, "its labels", w.TruthMissing}, {w.Map, "the map", w.MapMissing}} {
		panel := Panel{What: p.what, Missing: p.missing}
		if p.drawn != nil {
			var err error
			if p.what == "the picture" {
				panel.Source, err = jpegAddress(p.drawn, w.Image)
			} else {
				panel.Source, err = pngAddress(p.drawn)
			}
			if err != nil {
				return nil, err
			}
			panel.Width, panel.Height = p.drawn.Bounds().Dx(), p.drawn.Bounds().Dy()
		}
		panels = append(panels, panel)
	}
	return panels, nil
}

// PixelHTML writes the page, as [HTML] does.
func PixelHTML(w io.Writer, page PixelPage) error {
	v, err := newPixelView(page)
	if err == nil {
		v.frame, err = newFrame(sharePercent(page.Summary.MeanIoU)+": "+shownWord(page.Header.Model.Name), true)
	}
	if err != nil {
		return err
	}
	return render(w, "pixels.html", v)
}

// WritePixelHTML is [WriteHTML] for a page about maps of classes.
func WritePixelHTML(path string, page PixelPage) error {
	return writeFile(path, func(w io.Writer) error { return PixelHTML(w, page) })
}

// pixelView is the data of the template.
type pixelView struct {
	frame
	PixelPage
	Classes []pixelRow
	// Absent is how many classes neither labels nor maps have, and LeftOut how many rows are too many.
	Absent, LeftOut int
	Matrix          *matrix
	Pairs           []pixelPair
	Unread          []evaluate.Unread
	UnreadMore      int
	Facts           []Fact
}

// pixelRow is a class in the table.
type pixelRow struct {
	segmentation.ClassFigures
	Name string
}

// Width returns the length of the bar, of 100.
func (r pixelRow) Width() float64 { return 100 * float64(r.IoU) }

// AccValue returns what the column of accuracies is sorted by: a class without labels has none.
func (r pixelRow) AccValue() float64 {
	if !r.Accuracy.Known() {
		return -1
	}
	return float64(r.Accuracy)
}

// pixelPair says how many pixels of a class were taken for another one.
type pixelPair struct {
	Right, Taken string
	Pixels       int64
	Share        float64
}

func newPixelView(page PixelPage) (*pixelView, error) {
	s := page.Summary
	v := &pixelView{PixelPage: page}
	for _, c := range s.Classes {
		if !c.IoU.Known() {
			v.Absent++
			continue
		}
		v.Classes = append(v.Classes, pixelRow{c, page.nameOf(c.Class)})
	}
	slices.SortStableFunc(v.Classes, func(a, b pixelRow) int { return cmp.Compare(a.IoU, b.IoU) })
	if len(v.Classes) > mostClasses {
		v.LeftOut = len(v.Classes) - mostClasses
		v.Classes = v.Classes[:mostClasses]
	}
	for _, c := range s.Confusions[:min(mostPairs, len(s.Confusions))] {
		v.Pairs = append(v.Pairs, pixelPair{page.nameOf(c.Right), page.nameOf(c.Taken), c.Pixels, float64(c.Pixels) / float64(max(1, s.Classes[c.Right].Labelled))})
	}
	var err error
	if v.Matrix, err = newMatrix(page.confusion()); err != nil {
		return nil, err
	}
	v.Unread = s.Unread[:min(mostUnread, len(s.Unread))]
	v.UnreadMore = len(s.Unread) - len(v.Unread)
	v.Facts = page.facts()
	return v, nil
}

func (p *PixelPage) nameOf(class int) string { return nameOf(p.Header.Model.Labels, class) }

// Name returns what the page calls a class; -1 is what does not count.
func (v *pixelView) Name(class int) string {
	if class < 0 {
		return "ignored"
	}
	return v.nameOf(class)
}

// confusion returns what the matrix of the page is made of.
func (p *PixelPage) confusion() confusion {
	c := confusion{
		labels: p.Header.Model.Labels, unit: [2]string{"pixel", "pixels"}, shares: true, right: map[int]int64{}, rows: map[int]int64{}, taken: map[[2]int]int64{},
	}
	for _, class := range p.Summary.Classes {
		if class.Labelled > 0 {
			c.right[class.Class], c.rows[class.Class] = class.Intersection, class.Labelled
		}
	}
	for _, pair := range p.Summary.Confusions {
		c.taken[[2]int{pair.Right, pair.Taken}] = pair.Pixels
	}
	return c
}

// facts returns what a figure depends on.
func (p *PixelPage) facts() []Fact {
	h := p.Header
	source := h.Data.Source
	if h.Data.Split != "" {
		source += ", split " + h.Data.Split
	}
	facts := []Fact{
		{Name: "Model", Value: h.Model.Name},
		{Name: "Weights", Value: orUnknown(h.Model.Digest)},
		{Name: "Architecture", Value: h.Model.Config.Named().Name},
		{Name: "Engine", Value: fmt.Sprintf("%s, %s on %s", h.Run.Engine, h.Run.DType, h.Run.Device)},
		{Name: "View", Value: p.View},
		{Name: "Data", Value: source + " (" + string(h.Data.Layout) + ")"},
		{Name: "List of the data", Value: orUnknown(h.Data.Digest)},
		{Name: "Labels", Value: p.Labelling},
	}
	if h.Data.Shard.Of > 1 {
		facts = append(facts, Fact{Name: "Part", Value: h.Data.Shard.String()})
	}
	return append(facts, Fact{Name: "Version", Value: h.Version})
}

// sharePercent returns a share in percent; a dash if it is not known.
func sharePercent(s segmentation.Share) string {
	if !s.Known() {
		return "-"
	}
	return percent(float64(s))
}

// pointsApart says how far a published figure is from the measured one.
func pointsApart(c segmentation.Comparison) string {
	where := "above"
	if c.Apart < 0 {
		where = "below"
	}
	return strconv.FormatFloat(max(c.Apart, -c.Apart), 'f', 2, 64) + " points " + where
}
