package convert

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// segmenterType returns the type of transformers for a segmentation model: that of the class that was asked for, or of the usual one.
func (t target) segmenterType(config arch.Config, options SaveOptions) configs.Type {
	usual := ""
	if fitting := t.scheme.WrappersFor(config); len(fitting) > 0 {
		usual = fitting[0]
	}
	if cmp.Or(options.Wrapper, usual) == naming.UPerNetWrapper {
		return configs.UPerNet
	}
	return configs.Type(t.scheme.ModelType)
}

// stages returns the numbers that config.json states the taps by. A *[TargetError] says that the class can't tap the blocks of the model.
func (t target) stages(config arch.Config, options SaveOptions) ([arch.Levels]int, error) {
	model := t.segmenterType(config, options)
	class, taps := configs.SegmentationClass(model), arch.FormatTaps(config.Segmentation.Taps)
	if stages, ok := configs.Stages(config, model, false); ok {
		return stages, nil
	}
	if model == configs.UPerNet {
		return [arch.Levels]int{}, &TargetError{Reason: fmt.Sprintf("%s can't tap the blocks %s: it has each stage once", class, taps), Advice: "write a file under other names"}
	}
	stages, ok := configs.Stages(config, model, true)
	if ok && options.AllowOtherTaps {
		return stages, nil
	}
	advice := "write a file under other names"
	if t.scheme.Name == naming.HF {
		advice = "leave the wrapper out: " + configs.SegmentationClass(configs.UPerNet) + " taps any blocks"
	}
	if ok {
		advice += fmt.Sprintf("; or allow other taps: it will compute another network than the one that was trained, which taps the blocks %s", arch.FormatTaps(shifted(stages)))
	}
	reason := fmt.Sprintf("%s taps the block two below each number of out_indices, so it can't tap the blocks %s of %d", class, taps, config.Depth)
	return stages, &TargetError{Reason: reason, Advice: advice}
}

// shifted returns the blocks that a class of transformers taps that is shifted.
func shifted(stages [arch.Levels]int) (taps [arch.Levels]arch.Tap) {
	for i, stage := range stages {
		taps[i] = arch.Tap(stage - configs.Shift)
	}
	return taps
}

// segmentationConfigs returns the files beside the weights of a segmentation model. There is no recipe that says how its images are cut into windows, so only a
// preprocessor_config.json of the source is kept.
func (t target) segmentationConfigs(c card.Card, options SaveOptions) ([]configFile, error) {
	model, s := t.segmenterType(c.Config, options), c.Config.Segmentation
	if model != configs.UPerNet && s.Channels != c.Config.EmbedDim {
		return nil, &TargetError{
			Reason: fmt.Sprintf("%s has a decode head as wide as its blocks, %d, and this one has %d", configs.SegmentationClass(model), c.Config.EmbedDim, s.Channels),
			Advice: "write it for " + configs.SegmentationClass(configs.UPerNet) + ", or to a file under other names",
		}
	}
	stages, err := t.stages(c.Config, options)
	if err != nil {
		return nil, err
	}
	content, err := configs.Segmentation(c, model, stages)
	files := []configFile{{"config.json", content}}
	if t.copiesProcessor(options) {
		files = append(files, configFile{"preprocessor_config.json", options.processor})
	}
	return files, err
}

// segmentationNotes say what transformers makes of a folder with a segmentation model.
func (t target) segmentationNotes(config arch.Config, options SaveOptions) []string {
	if !config.Segments() || t.folder == "" {
		return nil
	}
	model := t.segmenterType(config, options)
	class := configs.SegmentationClass(model)
	var notes []string
	stages, err := t.stages(config, options)
	switch {
	case err != nil:
	case model == configs.UPerNet:
		notes = append(notes, class+" over BeitBackbone taps the same blocks as here; transformers 5 alone loads it, version 4 fails in the necks (add_fpn)")
	case shifted(stages) == config.Segmentation.Taps:
		notes = append(notes, fmt.Sprintf("%s taps the block two below each number of out_indices, which are %v, so that it taps the same blocks as here, %s",
			class, stages, arch.FormatTaps(config.Segmentation.Taps)))
	default:
		notes = append(notes, fmt.Sprintf("transformers computes another network: with out_indices %v, %s taps the blocks %s, where this model taps %s", stages, class,
			arch.FormatTaps(shifted(stages)), arch.FormatTaps(config.Segmentation.Taps)))
	}
	if !t.copiesProcessor(options) {
		notes = append(notes, "the folder does not say how images are prepared, so it has no preprocessor_config.json")
	}
	return notes
}

// noteTaps says what transformers makes of a config.json that states its taps as unilm counts them.
func (m *Model) noteTaps(stated configs.Taps, path string) {
	usual, known := arch.UsualTaps(m.Config.Depth)
	if !m.Config.Segments() || !stated.Shifted || !known {
		return
	}
	as := make([]int, len(usual))
	for i, tap := range usual {
		as[i] = int(tap)
	}
	if slices.Equal(as, stated.Indices[:]) {
		m.Notes = append(m.Notes, fmt.Sprintf("out_indices in %s are the numbers by which unilm counts the blocks that it taps (%s): if the weights were trained there, "+
			"transformers computes "+
			"another network with them, which taps the blocks %s; state the taps to read them as the original", path, arch.FormatTaps(usual), arch.FormatTaps(shifted(stated.Indices))))
	}
}
