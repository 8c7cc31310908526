package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// understand finds the model in an opened checkpoint.
func understand(ctx context.Context, file *checkpoint.Checkpoint, options OpenOptions) (*Model, error) {
	r := &reading{file: file, options: options}
	for _, step := range []func(ctx context.Context) error{r.gather, r.expect, r.leaveOut, r.name, r.note, r.compute, r.settle} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r.model, nil
}

// reading is what is found out about a checkpoint, step by step.
type reading struct {
	file    *checkpoint.Checkpoint
	options OpenOptions
	model   *Model
	// beside is what the files beside it say, own what its metadata does, and whole what modules in it do.
	beside folderConfigs
	own    ownCard
	whole  *modules
	// wanted is the architecture that was stated, by wantedFrom, or nil; hints are parts of it.
	wanted     *arch.Config
	wantedFrom card.Origin
	hints      arch.Hints
	// tapsProblem says why a configuration beside the state dict does not state the taps, and otherTaps that the caller states others; they matter if the model segments.
	tapsProblem string
	otherTaps   *arch.ConflictError
	tensors     []tensor.Named
	dropped     []naming.Dropped
	computed    computed
}

// gather reads what stands in and beside the file besides tensors.
func (r *reading) gather(ctx context.Context) (err error) {
	if r.beside, err = readFolderConfigs(r.file.Path, r.options.Select); err != nil {
		if stranger := strangerIn(ctx, r.file); stranger != nil {
			return stranger // which says more than that its configuration is not one of a BEiT
		}
		return err
	}
	if r.own, err = readMetadata(r.file.Metadata); err != nil {
		return fmt.Errorf("%s: %w", r.file.Path, err)
	}
	if r.whole, err = readModules(r.file); err != nil {
		return err
	}
	r.model = &Model{File: r.file, processor: r.beside.processor, Steps: r.own.steps}
	return nil
}

// expect finds out which architecture the model is said to have.
func (r *reading) expect(context.Context) error {
	r.wanted, r.wantedFrom = r.options.architecture(r.beside.card, r.own.Card)
	r.hints = r.options.hints(r.beside.timm)
	r.takeTapsBeside()
	switch r.wantedFrom {
	case card.Metadata:
		r.wanted = withoutGuesses(*r.own.Card, r.hints)
	case card.Manifest:
		r.wanted = withoutGuesses(*r.options.Known, r.hints)
	}
	if r.wanted == nil {
		return nil
	}
	if window := r.hints.Window; r.wanted.Convolutional() && window != (arch.Window{}) { // which takes pictures of any size
		sized := *r.wanted
		sized.ImageHeight, sized.ImageWidth = window.Height*sized.PatchSize, window.Width*sized.PatchSize
		sized = sized.Named()
		r.wanted = &sized
	}
	if r.wanted.Convolutional() {
		return nil
	}
	if taps := r.options.Taps; taps != nil && r.wantedFrom == card.Config && r.wanted.Segments() { // numbers by other countings are easily taken over as they were
		tapped := *r.wanted
		tapped.Segmentation.Taps = *taps
		tapped = tapped.Named()
		r.wanted = &tapped
	}
	if err := r.wanted.CheckHints(r.hints, arch.Source(r.wantedFrom)); err != nil {
		return fmt.Errorf("%s: %w", r.file.Path, err)
	}
	return nil
}

// leaveOut drops the tensors that the user does not want.
func (r *reading) leaveOut(ctx context.Context) (err error) {
	r.tensors, r.dropped, r.model.unusedDrop, err = drop(ctx, r.file.Tensors, r.options.Drop)
	if err == nil && len(r.model.unusedDrop) > 0 && !r.options.MayNotFit {
		err = unusedDrop(r.file.Path, r.model.unusedDrop[0], r.file.Tensors)
	}
	if err == nil && r.wanted != nil && r.wanted.MaskToken && dropsMaskToken(r.dropped) {
		without := *r.wanted
		without.MaskToken, r.wanted = false, &without
	}
	return err
}

// name gives the tensors their canonical names.
func (r *reading) name(ctx context.Context) error {
	err := tensor.Guard(func() error {
		read, err := naming.Read(ctx, r.tensors, naming.Options{
			Scheme: r.options.From, Map: r.options.Map, MapMayNotFit: r.options.MayNotFit,
			Prefer: cmp.Or(naming.ByModelType(string(r.beside.transformers.Type)), r.file.Metadata[MetadataScheme]),
			Arch:   r.wanted, ArchFrom: arch.Source(r.wantedFrom), Bare: r.wantedFrom == card.Config && r.beside.transformers.Bare, Hints: r.hints,
			SkipIndex: r.options.SkipIndex, Within: r.whole, KeyBias: r.options.KeyBias,
		})
		if err == nil {
			r.model.Model = *read
		}
		return err
	})
	if part := r.whole.packed(); err != nil && part != "" {
		err = naming.Quantised(part)
	}
	if foreign := (*naming.NotBEiTError)(nil); errors.As(err, &foreign) && strings.HasPrefix(r.file.Metadata["format"], recordingFormat) {
		return &RecordingError{Path: r.file.Path}
	}
	if needed := neededDrop(r.file.Path, err, r.dropped, r.options.Drop); needed != nil {
		return needed
	}
	if err != nil && r.wantedFrom == card.Config {
		return r.beside.blameConfig(r.file.Path, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.file.Path, err)
	}
	if r.wantedFrom == card.Config && r.beside.transformers.BothBiases && r.model.Folded == 0 {
		return &ConfigMismatchError{Path: r.file.Path, Config: r.beside.path, Err: errOneBias}
	}
	return nil
}

// note collects what the user should know about the names, and what was left out.
func (r *reading) note(context.Context) error {
	m := r.model
	if m.Config.Segments() && r.otherTaps != nil {
		return fmt.Errorf("%s: %w", r.file.Path, r.otherTaps)
	}
	if m.Config.Segments() && r.tapsProblem != "" {
		m.Notes = append(m.Notes, r.tapsProblem)
	}
	switch r.wantedFrom {
	case card.Metadata:
		m.Assumptions = carriedAssumptions(*r.own.Card, "the file's metadata", r.hints)
	case card.Manifest:
		m.Assumptions = carriedAssumptions(*r.options.Known, string(card.Manifest), r.hints)
	}
	m.Notes = slices.Concat(r.file.Notes, m.Notes, r.own.notes)
	if r.wantedFrom == card.Config && r.beside.transformers.Features && m.Config.Pooling != arch.NoPooling {
		m.Notes = append(m.Notes, "config.json names a class for features, which it takes before the last norm; the file has that norm, so the model is read "+
			"with it, and ends in it")
	}
	if r.wantedFrom == card.Config && r.options.Taps == nil {
		m.shifted = m.Config.Segments() && r.beside.transformers.Taps.Shifted
		m.noteTaps(r.beside.transformers.Taps, r.beside.path)
	}
	if whole := r.whole.config; r.wantedFrom == card.Parameters && whole != nil && r.hints.Taps == nil {
		m.shifted = m.Config.Segments() && whole.Taps.Shifted
		m.noteTaps(whole.Taps, "the configuration of the module")
	}
	if r.beside.ignored != "" {
		m.Notes = append(m.Notes, text.Quote(r.beside.ignored)+" was ignored: it is no regular file")
	}
	m.leaveOut(r.dropped)
	for _, word := range DropWords() {
		if !slices.Contains(r.options.Drop, word) || m.dropPart(word) {
			continue
		}
		if m.unusedDrop = append(m.unusedDrop, word); !r.options.MayNotFit {
			return &DropError{Path: r.file.Path, Pattern: word}
		}
	}
	if m.Config.ClassBlocks > 0 {
		m.Notes = append(m.Notes, branchNote(m.Config.ClassBlocks))
	}
	return nil
}

// branchNote says that the branch of the class token is kept.
func branchNote(blocks int) string {
	return text.Count(blocks, "block", "blocks") + " of the class token's branch, which BEiT v2 has in pre-training only, are kept; the forward pass does not use them"
}

// compute takes what whole modules say about how they compute.
func (r *reading) compute(ctx context.Context) error {
	if err := r.checkUnsaved(ctx); err != nil {
		return err
	}
	r.computed = r.whole.compute(r.model)
	if len(r.computed.epsilons) > 1 && r.options.Epsilon == 0 {
		r.computed.problems = append(r.computed.problems, "its norms have different epsilons: "+text.List(r.computed.epsilons, mostStated, ""))
	}
	if len(r.computed.problems) > 0 {
		return &ModuleError{Path: r.file.Path, Problems: r.computed.problems, Convolutional: r.model.Config.Convolutional()}
	}
	return nil
}

// checkUnsaved compares the relative position indices of a whole module that a state dict would not have with those that the window implies.
func (r *reading) checkUnsaved(ctx context.Context) error {
	beside := map[string]bool{}
	for _, change := range r.model.Changes {
		for _, from := range change.From {
			if strings.HasSuffix(change.Name, "relative_position_bias_table") {
				beside[above(from, 1)] = true
			}
		}
	}
	var indices []tensor.Named
	for _, buffer := range r.file.Unsaved {
		if beside[above(buffer.Name, 1)] {
			indices = append(indices, buffer)
		}
	}
	if len(indices) == 0 || r.options.SkipIndex {
		return nil
	}
	if err := r.model.CheckIndices(ctx, indices); err != nil {
		return fmt.Errorf("%s: %w", r.file.Path, err)
	}
	r.model.Notes = append(r.model.Notes, text.Count(len(indices), "relative position index", "relative position indices")+
		" of the module, which a state dict does not have, "+map[bool]string{true: "is", false: "are"}[len(indices) == 1]+" the computed one")
	return nil
}

// settle decides between what different places say.
func (r *reading) settle(context.Context) error {
	m := r.model
	if err := m.collect(r.options, r.beside, r.own, r.wantedFrom, r.whole.config, r.computed); err != nil {
		return err
	}
	if m.Config.Segments() && r.options.Taps == nil && r.hints.Taps != nil {
		m.From[card.Taps] = card.Origin(r.hints.TapsFrom)
	}
	if r.wanted != nil && m.Config.Pooling != r.wanted.Pooling && !m.Config.Segments() {
		m.From[card.Pooling] = card.Origin(arch.FromNames)
	}
	if problems := r.whole.pooled(m, r.wanted != nil); len(problems) > 0 {
		return &ModuleError{Path: r.file.Path, Problems: problems}
	}
	if err := r.compareTimm(); err != nil {
		return err
	}
	if r.model.Config.Classes == 0 && len(r.file.Heads) > 0 && r.options.Select == "" && !r.options.Headless {
		return &HeadBesideError{Path: r.file.Path, StateDict: r.file.Wrapper, Heads: r.file.Heads}
	}
	if err := r.pool(); err != nil {
		return err
	}
	if err := m.Config.Validate(); err != nil {
		return err
	}
	m.noteStated()
	r.whole.beside(m)
	m.setConflict(r.options, r.beside, r.own)
	m.setOverridden(r.options, r.beside, r.own, r.computed)
	err := tensor.Guard(func() error {
		m.doubt = doubtZeros(m.Tensors)
		return nil
	})
	m.noteEpsilon()
	return err
}
