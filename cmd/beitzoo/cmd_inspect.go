package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	mapdraft "github.com/beitzoo/beitzoo/convert/naming/proposal"
	"github.com/beitzoo/beitzoo/internal/text"
)

// inspectFlags are the flags of inspect.
type inspectFlags struct {
	model                   modelFlags
	zoo                     zooFlags
	digests, stats, tensors bool
	// propose asks for a draft of a map instead.
	propose bool
}

func inspectCommand(c *console) *cli.Command {
	var f inspectFlags
	return &cli.Command{
		Name:      "inspect",
		Usage:     "print format, naming scheme, architecture and parameters of a file, without loading it",
		ArgsUsage: "FILE",
		Description: about("Formats are recognised by content. A pickle is read without running what it says, so files of unknown origin can be inspected.",
			"beitzoo inspect checkpoint.pth",
			"beitzoo inspect checkpoint.pth --stats --digests",
			"beitzoo inspect my_port.pth --propose-map > my_port.yaml",
		),
		Flags: c.flags([]cli.Flag{
			boolFlag("tensors", &f.tensors, "print name, dtype and shape of each parameter"),
			boolFlag("stats", &f.stats, "like --tensors, with range and mean of each parameter, and how many of its values are NaN or infinite"),
			boolFlag("digests", &f.digests, "like --tensors, with the sha256 of each parameter's canonical bytes; and print the sha256 of the whole model"),
			boolFlag("propose-map", &f.propose, "print a draft of a map for names that no scheme knows, with what is not certain marked in it; see --map"),
		}, f.model.flags(), f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return inspect(ctx, c, args[0], f) }),
	}
}

func inspect(ctx context.Context, c *console, argument string, f inspectFlags) error {
	bar := c.newProgress("reading")
	options := convert.InspectOptions{Digests: f.digests, Statistics: f.stats, Progress: bar.set}
	var err error
	if options.OpenOptions, err = f.model.options(); err != nil {
		return err
	}
	at, err := f.zoo.locate(ctx, c, argument)
	if err != nil {
		return err
	}
	if options.OpenOptions, err = at.Options(options.OpenOptions); err != nil {
		return err
	}
	if f.propose {
		return proposeMap(ctx, c, at.Path, options.OpenOptions)
	}
	found, err := convert.Inspect(ctx, at.Path, options)
	bar.finish()
	if err != nil {
		return err
	}
	if f.contradicts(found.Problem) {
		return found.Problem
	}
	document := inspection{Inspection: found, Problem: errorText(found.Problem)}
	if found.Problem != nil {
		document.Hint = hintOf(found.Problem)
	}
	if known := (*naming.StrangerError)(nil); errors.As(found.Problem, &known) {
		document.Stranger = &stranger{known.What, known.Name}
	}
	return c.result(document, func() { printInspection(c, found, f.tensors || f.digests || f.stats) })
}

// proposedMap is what `beitzoo inspect --propose-map --json` prints: the draft, its text, and why it can't be used as it is.
type proposedMap struct {
	*mapdraft.Draft
	Map     string `json:"map"`
	Problem string `json:"problem,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// proposeMap prints a draft of a map, and beside it where to look.
func proposeMap(ctx context.Context, c *console, path string, options convert.OpenOptions) error {
	if options.Map != nil || options.From != "" {
		return &usageError{"--propose-map is for names that nothing is known of, and --map or --from says what they mean", "leave out --map and --from"}
	}
	draft, err := convert.ProposeMap(ctx, path, options)
	if err != nil {
		return err
	}
	remarkAll(c, draft.Notes)
	if n := len(draft.Unknown); n > 0 {
		c.remark(fmt.Sprintf("nothing is known of %s: %s; leave out with --drop PATTERN what does not belong to the model",
			text.Count(n, "name", "names"), text.List(quotedAll(draft.Unknown), mostDicts, "")))
	}
	for _, doubt := range draft.Doubts {
		others := ""
		if len(doubt.Others) > 0 {
			others = "; else " + strings.Join(doubt.Others, ", or ")
		}
		c.remark(fmt.Sprintf("look at line %d, %s: %s%s", doubt.Line, doubt.Row, doubt.Why, others))
	}
	switch {
	case draft.Config != nil:
		c.remark("by this draft the file is " + describe(*draft.Config) + "; read by it with --map FILE when you have looked at those lines")
	case draft.Problem != nil:
		c.remark("the file can't be read by this draft yet: " + draft.Problem.Error())
	}
	document := proposedMap{Draft: draft, Map: string(draft.Text), Problem: errorText(draft.Problem)}
	if draft.Problem != nil {
		document.Hint = hintOf(draft.Problem)
	}
	return c.result(document, func() { fmt.Fprint(c.out, string(draft.Text)) })
}

// contradicts reports whether a problem is that the flags say of the model what is not so.
func (f inspectFlags) contradicts(problem error) bool {
	stated := f.model.heads != 0 || f.model.window != "" || f.model.pooling != ""
	return isA[*convert.NoClassesError](nil)(problem) || isA[*convert.DropError](nil)(problem) || isA[*naming.UnfitMapError](nil)(problem) ||
		isA[*card.LabelsError](nil)(problem) && f.model.labels != "" || stated && isA[*arch.ConflictError](nil)(problem)
}

// inspection is what `beitzoo inspect --json` prints: the library's document, why the file is not a BEiT, what can be done, and what it is if that is known.
type inspection struct {
	*convert.Inspection
	Problem  string    `json:"problem,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Stranger *stranger `json:"stranger,omitempty"`
}

// stranger says what a file is that is not a BEiT, and which tensor gives it away.
type stranger struct {
	What   string `json:"what"`
	Tensor string `json:"tensor"`
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func printInspection(c *console, i *convert.Inspection, tensors bool) {
	c.printf("file          %s, %s", i.Path, humanize.Bytes(uint64(i.Bytes)))
	c.printf("format        %s: %s", i.Format, i.Container)
	if i.Wrapper != "" && i.Architecture == nil {
		c.printf("state dict    %s", i.Wrapper)
	}
	if len(i.OtherDicts) > 0 {
		if i.Reason != "" {
			c.printf("taken         since %s", i.Reason)
		}
		one := "one of them"
		if len(i.OtherDicts) == 1 {
			one = "it"
		}
		c.printf("others        %s; %s takes %s", text.List(quotedAll(i.OtherDicts), mostDicts, ""), keyFlag("--select", i.OtherDicts), one)
	}
	if i.Architecture == nil {
		c.printf("model         %s", problemText(i.Problem))
		if hint := hintOf(i.Problem); hint != "" {
			c.printf("hint          %s", hint)
		}
	} else {
		scheme := i.Scheme
		if len(i.Equivalent) > 0 {
			scheme += ", with the same names as " + strings.Join(i.Equivalent, ", ")
		}
		c.printf("scheme        %s", scheme)
		c.printf("architecture  %s", describe(*i.Architecture))
		printCard(c, *i.Architecture, i.Card)
	}
	for _, step := range i.Steps {
		c.printf("changed       the file says: %.200s", text.Line(step.String()))
	}
	c.printf("parameters    %s in %d tensors, %s", humanize.Comma(i.Parameters), len(i.Tensors), humanize.Bytes(uint64(i.ParameterBytes)))
	c.printf("dtypes        %s", dtypes(i.DTypes))
	if i.SHA256 != "" {
		c.printf("sha256        %s", i.SHA256)
	}
	dropped := slices.DeleteFunc(slices.Clone(i.Dropped), func(d convert.Dropped) bool { return d.Beside }) // which a note names
	if n := len(dropped); n > 0 {
		c.printf("left out      %s, such as %q: %s", text.Count(n, "tensor that is not a parameter", "tensors that are not parameters"), dropped[0].Name, dropped[0].Reason)
	}
	for _, key := range slices.Sorted(maps.Keys(i.Metadata)) {
		if key == convert.MetadataCard && i.Card != nil || key == convert.MetadataSteps && len(i.Steps) > 0 {
			continue // printed above, an item a line
		}
		c.printf("metadata      %s: %.80q", key, i.Metadata[key])
	}
	for _, a := range i.Assumptions {
		c.printf("guess         %s; state it with %s", a, propertyFlags[a.Property])
	}
	for _, warning := range i.Warnings {
		c.printf("warning       %s", warning)
	}
	for _, note := range i.Notes {
		c.printf("note          %s", note)
	}
	if tensors {
		printTensors(c, i.Tensors)
	}
}

func dtypes(counts map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(words, ", ")
}

func printTensors(c *console, tensors []convert.InspectedTensor) {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer table.Flush()
	for _, t := range tensors {
		name, _ := json.Marshal(t.Name)
		fmt.Fprintf(table, "%s\t%s\t%s", strings.Trim(string(text.JSON(name)), `"`), t.DType, t.Shape)
		if s := t.Statistics; s != nil {
			fmt.Fprintf(table, "\t%.4g to %.4g\tmean %.3g\t%d NaN\t%d Inf", s.Min, s.Max, s.Mean, s.NaN, s.Inf)
		}
		if t.SHA256 != "" {
			fmt.Fprintf(table, "\t%s", t.SHA256)
		}
		fmt.Fprintln(table)
	}
}

// describe says what an architecture is, in one line.
func describe(a arch.Config) string {
	name := a.Name
	if name == "" {
		name = "BEiT"
	}
	pixels := "pixels"
	if a.Channels != arch.RGB {
		pixels = "pixels of " + text.Count(a.Channels, "channel", "channels")
	}
	if a.Convolutional() {
		half := map[arch.Kind]string{arch.DVAEEncoder: "encoder", arch.DVAEDecoder: "decoder"}[a.Kind]
		return fmt.Sprintf("%s: %s of a dVAE, %d x %d %s or any other size, a visual token for %d x %[6]d, width %d, %d blocks in %d groups, %s, %s parameters",
			cmp.Or(a.Name, "dVAE"), half, a.ImageHeight, a.ImageWidth, pixels, a.PatchSize, a.EmbedDim, a.Depth, a.Groups(), headText(a), humanize.Comma(a.Parameters()))
	}
	return fmt.Sprintf("%s: %d x %d %s, patches of %d, width %d, %d blocks, %d heads, %s, epsilon %g, %s parameters",
		name, a.ImageHeight, a.ImageWidth, pixels, a.PatchSize, a.EmbedDim, a.Depth, a.Heads, headText(a), a.Epsilon, humanize.Comma(a.Parameters()))
}

// problemText says why there is no architecture, without the path of the file. One of which only a property is open, or which is not alone, is a BEiT all the
// same.
func problemText(err error) string {
	if choice := (*convert.ChoiceError)(nil); errors.As(err, &choice) && choice.Looks != "" {
		return choice.Finding()
	}
	var known interface {
		error
		Hint() string
	}
	for _, is := range []func(error) bool{
		isA[*naming.StrangerError](nil), isA[*naming.AdapterError](nil), isA[*naming.NotBEiTError](nil), isA[*naming.SeveralModelsError](nil), isA[*naming.BesideError](nil),
		isA[*arch.InferenceError](nil), isA[*arch.ConflictError](nil),
	} {
		if is(err) && errors.As(err, &known) {
			return known.Error()
		}
	}
	return "not a BEiT that beitzoo knows: " + errorText(err)
}

// decoderText says what the decoder of VQ-KD is.
func decoderText(d arch.CodeDecoder) string {
	if d == (arch.CodeDecoder{}) {
		return "no decoder"
	}
	return fmt.Sprintf("a decoder of %s that predicts %s", text.Count(d.Depth, "block", "blocks"), text.Count(d.Features, "feature", "features"))
}

func headText(a arch.Config) string {
	switch {
	case a.Kind == arch.VQKD:
		return fmt.Sprintf("%d visual tokens, codes of width %d, %s", a.Codebook.Codes, a.Codebook.Dim, decoderText(a.Codebook.Decoder))
	case a.Segments():
		auxiliary := "no auxiliary head"
		if n := a.Segmentation.AuxiliaryChannels; n > 0 {
			auxiliary = fmt.Sprintf("an auxiliary head of %d channels", n)
		}
		return fmt.Sprintf("%d classes of pixels, UPerNet of %d channels, %s", a.Classes, a.Segmentation.Channels, auxiliary)
	case a.Kind != arch.Transformer:
		return fmt.Sprintf("%d visual tokens", a.Classes)
	case a.Pooling == arch.NoPooling:
		return "features without a last norm, no head"
	case a.Classes == 0:
		return "no head"
	case a.Regression:
		return fmt.Sprintf("regression head, %d outputs", a.Classes)
	case a.Masked() && a.ClassBlocks > 0:
		return fmt.Sprintf("%d visual tokens, %s of the class token's branch", a.Classes, text.Count(a.ClassBlocks, "block", "blocks"))
	case a.Masked():
		return fmt.Sprintf("%d visual tokens", a.Classes)
	}
	return fmt.Sprintf("%d classes", a.Classes)
}
