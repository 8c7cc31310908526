package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// showFlags are the flags of show.
type showFlags struct {
	zoo      zooFlags
	manifest string
	yaml     bool
}

func showCommand(c *console) *cli.Command {
	var f showFlags
	return &cli.Command{
		Name:      "show",
		Usage:     "show what is known about weights: origin, licence, sources, accuracy, digests",
		ArgsUsage: "[NAME[@VERSION]]",
		Description: about("",
			"beitzoo show beit_base_p16_224",
			"beitzoo show my_beit@1.0.0 --yaml --zoo zoo/",
		),
		Flags:  c.flags([]cli.Flag{manifestFlag(&f.manifest), boolFlag("yaml", &f.yaml, "print the manifest as it is")}, f.zoo.flags()),
		Action: action(func(ctx context.Context, args []string) error { return show(ctx, c, args, f) }),
	}
}

func show(ctx context.Context, c *console, args []string, f showFlags) error {
	_, found, err := f.zoo.resolveEntry(ctx, c, f.manifest, args)
	if err != nil {
		return err
	}
	switch {
	case f.yaml:
		_, err = c.out.Write(found.Raw)
		return err
	case c.asJSON:
		// Of the file as it is the library would take numbers such as 1e-06 for text.
		raw, err := manifest.Encode(&found.Manifest)
		if err != nil {
			return err
		}
		document, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return err
		}
		return c.json(withStatus(document, found.Status))
	}
	printManifest(c, found)
	return nil
}

// withStatus puts a status, if there is one, before the fields of a manifest in JSON: it stands beside the manifest, which never changes.
func withStatus(document []byte, status *manifest.Status) any {
	if status == nil {
		return json.RawMessage(document)
	}
	said, err := json.Marshal(status)
	rest, isObject := bytes.CutPrefix(bytes.TrimSpace(document), []byte("{"))
	if err != nil || !isObject {
		return json.RawMessage(document)
	}
	return json.RawMessage(fmt.Sprintf(`{"status": %s, %s`, said, rest))
}

func printManifest(c *console, found *zoo.Match) {
	c.printf("%s  %s", found.Reference(), found.Title)
	if found.Status != nil {
		c.printf("status      %s", found.Status)
	}
	if config, err := zoo.Architecture(&found.Manifest); err == nil {
		c.printf("model       %s", describe(config))
	}
	if guesses := assumedText(found.Assumed); guesses != "" {
		c.printf("guesses     %s", guesses)
	}
	if found.StateDict != "" {
		c.printf("state dict  %s", found.StateDict)
	}
	if found.Tokenizer != "" {
		c.printf("tokenizer   %s makes the visual tokens: beitzoo show %[1]s", found.Tokenizer)
	}
	if p := found.Origin.Paper; p != nil {
		c.printf("paper       %s (%d), %s", p.Title, p.Year, p.Address)
	}
	c.printf("trained     %s", found.Origin.Training)
	c.printf("licence     %s; source: %s", found.Origin.Licence.Expression, found.Origin.Licence.Origin)
	for _, dispute := range found.Origin.Licence.Disputes {
		c.printf("            but %s: %s", dispute.Party, dispute.Statement)
	}
	for _, a := range found.Accuracy {
		c.printf("accuracy    top-1 %.2f %%%s on %s, %s", a.Top1, top5(a), a.Dataset, a.Origin)
	}
	for _, a := range found.MaskedAccuracy {
		c.printf("masked      %s of masked tokens%s on %s, %s%s", maskedPercent(a.Percent, a.Rounding), meanLossText(a.Loss), a.Dataset, a.Origin, otherRun(a.Run))
	}
	for _, a := range found.SegmentationAccuracy {
		c.printf("accuracy    %s on %s, %s", segmentationFigures(a), a.Dataset, a.Origin)
	}
	if labels := labelsText(found.Categories.Names()); labels != "" {
		c.printf("labels      %s", labels)
	}
	if known, err := zoo.Card(&found.Manifest); err == nil && known.Recipe != nil {
		c.printf("recipe      %s%s", recipeText(*known.Recipe, known.RecipeName), originText(known.From[card.Preparing]))
	}
	for _, s := range found.Sources {
		c.printf("source      %s: %s, scheme %s, %s", s.Name, s.Address, s.Scheme, sourceSize(s))
	}
	for _, b := range found.Blobs {
		c.printf("weights     %s, %s, %s", b.Digest, humanize.Bytes(uint64(b.Size)), b.DType)
	}
	if v := found.Verdict; v != nil {
		c.printf("verdict     %s", verdictLine(*v))
	}
	for _, note := range found.Notes {
		c.printf("note        %s", strings.Join(strings.Fields(note), " "))
	}
}

func top5(a manifest.Accuracy) string {
	if a.Top5 == 0 {
		return ""
	}
	return fmt.Sprintf(", top-5 %.2f %%", a.Top5)
}

// maskedPercent returns a published share of masked tokens as it is stated: "4.96 %", or "about 16 %".
func maskedPercent(percent, rounding float64) string {
	if rounding > 0 {
		return fmt.Sprintf("about %g %%", percent)
	}
	return fmt.Sprintf("%.2f %%", percent)
}

// segmentationFigures returns what was published, such as "mIoU 53.61 %, mAcc 64.82 %, several scales".
func segmentationFigures(a manifest.SegmentationAccuracy) string {
	said := fmt.Sprintf("mIoU %.2f %%", a.MIoU)
	if a.MAcc > 0 {
		said += fmt.Sprintf(", mAcc %.2f %%", a.MAcc)
	}
	if a.AAcc > 0 {
		said += fmt.Sprintf(", aAcc %.2f %%", a.AAcc)
	}
	if a.MultiScale {
		said += ", several scales and mirrored,"
	}
	return said
}

func meanLossText(loss float64) string {
	if loss == 0 {
		return ""
	}
	return fmt.Sprintf(", loss %.4f,", loss)
}

// otherRun says that a figure is of another training.
func otherRun(run string) string {
	if run == "" {
		return ""
	}
	return "; of another training: " + run
}

func verdictLine(v manifest.Verdict) string {
	word, reference := "differs from", v.Recording
	if v.Verified {
		word = "agrees with"
	}
	if reference == "" {
		reference = "the float64 engine"
	}
	return fmt.Sprintf("%s engine, %s: %s %s; logits differ by at most %.2g, rounding allows %.2g", v.Engine, v.DType, word, reference, v.MaxAbs, v.Tolerance)
}

func sourceSize(s manifest.Source) string {
	switch {
	case s.Digest != "":
		return fmt.Sprintf("%s, %s", humanize.Bytes(uint64(s.Size)), s.Digest)
	case s.Size > 0:
		return humanize.Bytes(uint64(s.Size)) + ", digest not published: pinned on first use"
	}
	if s.DigestPrefix != "" {
		return "about " + humanize.Bytes(uint64(s.Estimate)) + ", digest published in part: it begins with " + s.DigestPrefix
	}
	return "about " + humanize.Bytes(uint64(s.Estimate)) + ", digest not published: pinned on first use"
}
