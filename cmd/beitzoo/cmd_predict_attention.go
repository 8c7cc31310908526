package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/attention"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
)

// attentionFlags say what is drawn of the attention of a model, and where.
type attentionFlags struct {
	path, kind, of string
	eachHead       bool
}

func (f *attentionFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{
			Name: "attention", Destination: &f.path, Action: notStandardOutput,
			Usage: "draw what the model attends to over the picture, to this `PNG`; for several pictures it is a folder",
		},
		&cli.StringFlag{
			Name: "attention-kind", Destination: &f.kind, DefaultText: "last",
			Usage: "which `ATTENTION`: last (that of the last block), or rollout (followed through all blocks)",
		},
		&cli.StringFlag{
			Name: "attention-of", Destination: &f.of, DefaultText: "what the result is made of",
			Usage: "whose attention, of which `TOKENS`: class (the class token), or patches (the mean over the patch tokens)",
		},
		boolFlag("attention-heads", &f.eachHead, "draw each head by itself, beside each other, in place of their mean"),
	}
}

// attentionResult is what `beitzoo predict --attention PNG --json` prints.
type attentionResult struct {
	classifierFacts
	Kind    attention.Kind `json:"attention"`
	View    attention.View `json:"attention_of"`
	Meaning string         `json:"meaning"`
	Drawn   []drawnPicture `json:"drawn"`
	Unread  []unreadImage  `json:"unread"`
}

// drawnPicture is a picture whose attention was drawn.
type drawnPicture struct {
	Image string     `json:"image"`
	File  string     `json:"file"`
	Maps  []drawnMap `json:"maps"`
	// Top is the most probable class, if the model classifies.
	Top []classify.Class `json:"top,omitempty"`
}

// drawnMap are the figures of a map: the largest share that a patch has, where that patch is, from 0, and the share of the class token.
type drawnMap struct {
	Head         *int    `json:"head,omitempty"`
	LargestShare float64 `json:"largest_share"`
	Row          int     `json:"row"`
	Column       int     `json:"column"`
	ClassShare   float64 `json:"class_token_share"`
}

// drawAttention draws what a model attends to in pictures.
func (f *predictFlags) drawAttention(ctx context.Context, c *console, argument string, list *pictureList) error {
	names, err := f.attention.drawings(f.inputs(argument, list)).targets(list)
	if err != nil {
		return err
	}
	view := attention.Options{Kind: attention.Kind(f.attention.kind), View: attention.View(f.attention.of), EachHead: f.attention.eachHead, Threads: f.engine.threads}
	f.engine.batch = f.size(f.engine.device)
	model, err := openExtractor(ctx, c, argument, f.classifierFlags, &view)
	if err != nil {
		return err
	}
	defer model.Close()
	shown := model.Viewer.Options()
	result := attentionResult{
		classifierFacts: extractorFacts(argument, model), Kind: shown.Kind, View: shown.View, Meaning: meaningOf(shown), Drawn: []drawnPicture{}, Unread: []unreadImage{},
	}
	if shown.View == attention.ClassToken && attention.ViewFor(model.Config()) != attention.ClassToken {
		c.remark("this model makes its answer of the patch tokens: its class token has no part in it; --attention-of patches shows theirs")
	}
	unread := &classify.UnreadError{}
	var lying unturned
	bar := c.newCount("drawing", inImages)
	defer bar.finish()
	for output, err := range model.Stream(ctx, list.images(nil), model.Viewer.Stages(), classify.StreamOptions{Workers: f.workers}) {
		if err != nil {
			return err
		}
		unread.Total++
		lying.count(output)
		bar.set(int64(unread.Total), int64(list.total))
		if output.Failure != nil {
			unread.Failures = append(unread.Failures, output.Failure)
			result.Unread = append(result.Unread, unreadOf(output.Failure))
			continue
		}
		target, err := names(output.Index, output.Name)
		if err != nil {
			return err
		}
		drawn, err := drawOne(ctx, model, output, target)
		if err != nil {
			return err
		}
		result.Drawn = append(result.Drawn, drawn)
	}
	bar.finish()
	lying.remark(c)
	err = c.result(result, func() { result.print(c, argument, model) })
	return cmp.Or(err, orNone(unread))
}

// meaningOf says in words what is drawn.
func meaningOf(o attention.Options) string {
	whose := "what the class token takes of each patch"
	if o.View == attention.Patches {
		whose = "what the patch tokens take of each patch, on average"
	}
	switch {
	case o.Kind == attention.Rollout:
		return whose + ", followed through all blocks (rollout), mean over the heads"
	case o.EachHead:
		return whose + " in the last block, each head by itself"
	}
	return whose + " in the last block, mean over the heads"
}

// drawings returns where drawings of attention go.
func (f *attentionFlags) drawings(in *inputs) *drawings {
	return &drawings{flag: "--attention", path: f.path, what: "a drawing of --attention", noun: "drawing", source: attention.ReadSource, in: in}
}

// drawOne draws the attention in one picture.
func drawOne(ctx context.Context, model *beitzoo.Extractor, output classify.Output, target string) (drawnPicture, error) {
	drawn := drawnPicture{Image: text.Valid(output.Name), File: text.Valid(target), Maps: []drawnMap{}}
	maps, err := model.Viewer.Maps(ctx, output.Activations)
	if err != nil {
		return drawn, err
	}
	for _, m := range maps {
		one := drawnMap{ClassShare: m.ClassShare}
		if m.Head >= 0 {
			one.Head = &m.Head
		}
		for i, share := range m.Values {
			if share > one.LargestShare {
				one.LargestShare, one.Row, one.Column = share, i/m.Width, i%m.Width
			}
		}
		drawn.Maps = append(drawn.Maps, one)
	}
	if output.Logits != nil {
		classifier, err := classify.New(nil, model.Card)
		if err != nil {
			return drawn, err
		}
		drawn.Top = classifier.Top(output.Logits, 1)
	}
	file, err := attention.Encode(attention.Draw(preprocess.Restore(model.Recipe(), output.Pixels), maps), output.Name)
	if err != nil {
		return drawn, err
	}
	return drawn, disk.WriteFile(target, file, 0o644)
}

// print prints the result for people.
func (r attentionResult) print(c *console, argument string, model *beitzoo.Extractor) {
	c.printf("%s: %s", argument, r.line(model.Card.Labels))
	c.printf("drawn is %s", r.Meaning)
	for _, d := range r.Drawn {
		top := ""
		if len(d.Top) > 0 {
			top = fmt.Sprintf("; the answer is %s, %.2f %%", d.Top[0], 100*d.Top[0].Probability)
		}
		c.printf("%s: %s%s", d.File, d.Image, top)
		for _, m := range d.Maps {
			head := ""
			if m.Head != nil {
				head = fmt.Sprintf("head %d: ", *m.Head)
			}
			c.printf("  %syellow is %.1f %% of the attention, at row %d, column %d of the patches; the class token has %.1f %%", head, 100*m.LargestShare, m.Row, m.Column, 100*m.ClassShare)
		}
	}
}
