package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// featureFlags say which features of pictures are written, and where.
type featureFlags struct{ file, name string }

// linesEnding is the ending of files of JSON lines.
const linesEnding = ".jsonl"

func (f *featureFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{
			Name: "features", Destination: &f.file, Action: notStandardOutput,
			Usage: "write the features of the pictures to this `FILE`: safetensors, or JSON lines if its name ends in " + linesEnding + "; the model need not classify",
		},
		&cli.StringFlag{
			Name: "feature", Destination: &f.name, Value: f.name,
			Usage: "which `FEATURE`: pool (the input of the head), tokens (all tokens after the last block, as timm's forward_features), or blocks.N (all tokens after block N)",
		},
	}
}

// featureResult is what `beitzoo predict --features FILE --json` prints.
type featureResult struct {
	classifierFacts
	File    string `json:"features_file"`
	Feature string `json:"feature"`
	Meaning string `json:"meaning"`
	// Shape is that of all features: pictures first.
	Shape  tensor.Shape  `json:"shape"`
	DType  string        `json:"dtype"`
	Unread []unreadImage `json:"unread"`
}

// writeFeatures writes the features of pictures as they come.
func (f *predictFlags) writeFeatures(ctx context.Context, c *console, argument string, list *pictureList) error {
	asLines := strings.EqualFold(filepath.Ext(f.features.file), linesEnding)
	if list.names == nil && !asLines {
		return &usageError{
			"a safetensors file begins with the names of all pictures, and a list on standard input ends when it likes",
			fmt.Sprintf("write the list to a file and give --list, or write JSON lines: --features FILE%s", linesEnding),
		}
	}
	if err := f.inputs(argument, list).check(f.features.file, "a file of features", features.IsOwn); err != nil {
		return err
	}
	f.digest, f.engine.batch = true, f.size(f.engine.device)
	model, err := openExtractor(ctx, c, argument, f.classifierFlags, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	feature, err := features.New(model.Config(), model.Norm, f.features.name)
	if err != nil {
		return err
	}
	e := &extraction{console: c, flags: f, model: model, feature: feature, list: list, unread: &classify.UnreadError{}}
	e.result = featureResult{
		classifierFacts: extractorFacts(argument, model), File: f.features.file, Feature: feature.Name, Meaning: feature.Meaning, Unread: []unreadImage{},
	}
	if e.dtype, err = parseDType(f.engine.dtype); err != nil {
		return err
	}
	if e.dtype != tensor.F64 {
		e.dtype = tensor.F32
	}
	err = disk.Replace(f.features.file, 0o644, func(to io.Writer) error { return e.write(ctx, to, asLines) })
	if err != nil {
		return err
	}
	e.lying.remark(c)
	e.result.Shape, e.result.DType = append(tensor.Shape{e.rows}, feature.Shape...), e.dtype.String()
	err = c.result(e.result, func() {
		c.printf("%s: %s", argument, e.result.line(model.Card.Labels))
		c.printf("%s: %s %s of %s: %s", f.features.file, e.dtype, e.result.Shape, feature.Name, feature.Meaning)
	})
	return cmp.Or(err, orNone(e.unread))
}

// extraction writes features.
type extraction struct {
	*console
	flags   *predictFlags
	model   *beitzoo.Extractor
	feature *features.Feature
	list    *pictureList
	dtype   tensor.DType
	rows    int
	unread  *classify.UnreadError
	lying   unturned
	result  featureResult
}

// write writes the whole file.
func (e *extraction) write(ctx context.Context, to io.Writer, asLines bool) error {
	out, err := e.open(to, asLines)
	if err != nil {
		return err
	}
	bar := e.newCount("extracting", inImages)
	defer bar.finish()
	stages := []engine.Stage{e.feature.Stage}
	for output, err := range e.model.Stream(ctx, e.list.images(nil), stages, classify.StreamOptions{Workers: e.flags.workers}) {
		if err != nil {
			return err
		}
		e.unread.Total++
		e.lying.count(output)
		bar.set(int64(e.unread.Total), int64(e.list.total))
		if output.Failure != nil {
			e.unread.Failures = append(e.unread.Failures, output.Failure)
			e.result.Unread = append(e.result.Unread, unreadOf(output.Failure))
			continue
		}
		e.rows++
		if err := out.Add(text.Valid(output.Name), e.feature.Of(output.Activations[e.feature.Stage])); err != nil {
			return err
		}
	}
	return out.Finish()
}

// open begins the file, with what its values depend on.
func (e *extraction) open(to io.Writer, asLines bool) (features.Writer, error) {
	recipe, err := json.Marshal(e.result.Recipe)
	if err != nil {
		return nil, err
	}
	chosen, _, err := e.flags.engine.choose()
	if err != nil {
		return nil, err
	}
	facts := map[string]string{
		"model": e.result.Model, "weights_digest": e.result.Digest, "feature": e.feature.Name, "meaning": e.feature.Meaning, "stage": e.feature.Stage.String(), "recipe": string(recipe),
		"epsilon": fmt.Sprint(e.result.Epsilon), "engine": chosen.Name(), "engine_dtype": cmp.Or(e.flags.engine.dtype, "f32"), "device": cmp.Or(e.flags.engine.device, "cpu"),
		"shard": fmt.Sprintf("%d/%d", e.list.first+1, e.list.step), "beitzoo": version().Version,
	}
	if e.result.StateDict != "" {
		facts["state_dict"] = e.result.StateDict
	}
	if asLines {
		return features.NewLines(to, facts, e.feature.Shape, e.dtype)
	}
	file, able := to.(features.File)
	if !able {
		return nil, fmt.Errorf("a %T cannot be written to at any place", to)
	}
	names := make([]string, len(e.list.names))
	for i, name := range e.list.names {
		names[i] = text.Valid(name)
	}
	return features.NewSafetensors(file, facts, e.feature.Shape, e.dtype, names)
}
