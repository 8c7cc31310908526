package pytorch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/mosaic"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// ranks is the kind of a folder into which each process of a distributed training has saved its part of the model: FSDP2's state dicts of DTensors.
var ranks = checkpoint.FolderKind{
	Match: func(folder *checkpoint.Folder) bool {
		n := len(rankFiles(folder))
		return n > 1 && n <= maxRanks
	},
	Read: readRanks,
}

// rankEndings are those of the names of such files.
var rankEndings = []checkpoint.Ending{{Suffix: ".pth"}, {Suffix: ".pt"}, {Suffix: ".bin"}, {Suffix: ".ckpt"}}

// maxRanks bounds how many processes there are.
const maxRanks = 1024

// rankFiles returns the names of files that may be of processes.
func rankFiles(folder *checkpoint.Folder) []string {
	var names []string
	for _, name := range folder.Names() {
		format := checkpoint.Format{Endings: rankEndings}
		if _, ok := format.Ending(name); ok && folder.HasFile(name) {
			names = append(names, name)
		}
	}
	return names
}

// readRanks joins the tensors of all files that hold a model. If the first of them holds no parts, the folder is of another kind.
func readRanks(ctx context.Context, folder *checkpoint.Folder, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	j := &joiner{parts: map[string]*jointTensor{}}
	for _, name := range rankFiles(folder) {
		content, err := folder.Content(name)
		if err != nil {
			return nil, err
		}
		joined, err := j.add(ctx, content, options)
		switch {
		case errors.Is(err, checkpoint.ErrNoModel):
			j.skipped = append(j.skipped, text.Quote(name))
		case j.files == 0 && (err != nil || !joined):
			return nil, ctx.Err()
		case err != nil:
			return nil, fmt.Errorf("the file %q in it: %w", name, err)
		case !joined:
			return nil, checkpoint.Unsupported("the folder has files of processes that have parts of tensors, and %.200q, which has none", name).
				WithHint("give a folder that holds the files of one training and nothing else")
		}
	}
	if j.files == 0 {
		return nil, nil
	}
	return j.checkpoint()
}

// joiner joins the tensors of several files.
type joiner struct {
	// files is how many were added, skipped the quoted names of those without a model.
	files   int
	skipped []string
	found   *statedict.Dict
	names   []string
	parts   map[string]*jointTensor
	// copies counts tensors that every process had.
	copies int
}

// jointTensor is a tensor in the making.
type jointTensor struct {
	dtype tensor.DType
	shape tensor.Shape
	parts []mosaic.Part
	files int
}

// add takes the tensors of a file, and reports whether there are parts of tensors among them.
func (j *joiner) add(ctx context.Context, content []byte, options checkpoint.Options) (bool, error) {
	root, s, err := objectIn(ctx, content)
	if err != nil {
		return false, err
	}
	found, err := statedict.Choose(root, statedict.Options{Select: options.Select, FileSize: int64(len(content)), Shards: true})
	if err != nil {
		return false, err
	}
	s.limit = 4*int64(len(content)) + 1<<30
	joined := false
	for _, t := range found.Tensors {
		if _, ok := t.Value.(*statedict.Shard); ok {
			joined = true
		}
	}
	if !joined {
		return false, nil
	}
	j.files++
	if j.found == nil {
		j.found = found
	}
	for _, t := range found.Tensors {
		if err := j.take(s, t); err != nil {
			return false, err
		}
	}
	return true, nil
}

// take adds a tensor of a file, or a part of one.
func (j *joiner) take(s *storages, t statedict.Tensor) error {
	quoted := text.Quote(text.Cut(t.Name, 100))
	var made mosaic.Part
	var shape tensor.Shape
	shard, ok := t.Value.(*statedict.Shard)
	var err error
	if ok {
		if shard.Offset == nil {
			return shard.Refuse(t.Name)
		}
		made.Offset, shape = shard.Offset, shard.Shape
		made.View, err = s.window(t.Name, shard.Local)
	} else if made.View, err = s.view(t); err == nil {
		made.Offset, shape = make([]int, len(made.View.Shape)), made.View.Shape
	}
	if err != nil {
		return err
	}
	known := j.parts[t.Name]
	if known == nil {
		known = &jointTensor{dtype: made.View.DType, shape: shape}
		j.parts[t.Name] = known
		j.names = append(j.names, t.Name)
	}
	if !known.shape.Equal(shape) || known.dtype != made.View.DType {
		return checkpoint.Malformed("tensor %s has shape %s and type %s, and shape %s and type %s in another file", quoted, shape, made.View.DType, known.shape, known.dtype)
	}
	known.files++
	if elements, err := made.View.Shape.Elements(); err != nil || elements == 0 && len(known.parts) > 0 {
		return err
	}
	same := func(p mosaic.Part) bool {
		return slices.Equal(p.Offset, made.Offset) && p.View.Shape.Equal(made.View.Shape)
	}
	if slices.ContainsFunc(known.parts, same) {
		j.copies++
		return nil
	}
	known.parts = append(known.parts, made)
	return nil
}

// checkpoint joins what was added.
func (j *joiner) checkpoint() (*checkpoint.Checkpoint, error) {
	opened := &checkpoint.Checkpoint{
		Container: fmt.Sprintf("%d files of processes, with parts of tensors (DTensor)", j.files),
		Wrapper:   j.found.Wrapper, Others: j.found.Others, Notes: slices.Clone(j.found.Notes),
	}
	for _, name := range j.names {
		joint := j.parts[name]
		view, err := mosaic.Join(joint.dtype, joint.shape, joint.parts)
		if err == nil && joint.files != j.files {
			err = fmt.Errorf("it is in %d of %d files", joint.files, j.files)
		}
		if err != nil {
			return nil, checkpoint.Malformed("tensor %s of shape %s: %s", text.Quote(text.Cut(name, 100)), joint.shape, err).
				WithHint("put the files of all processes of one training into the folder, and nothing else")
		}
		opened.Tensors = append(opened.Tensors, tensor.Named{Name: name, View: view})
	}
	opened.Notes = append(opened.Notes, "tensors were joined from the parts that the processes of a training saved")
	if j.copies > 0 {
		opened.Notes = append(opened.Notes, fmt.Sprintf("of parts that several processes have, the first was taken: %s left out", text.Count(j.copies, "copy was", "copies were")))
	}
	if len(j.skipped) > 0 {
		opened.Notes = append(opened.Notes, "left out, files without a model: "+text.List(j.skipped, 8, ""))
	}
	return opened, nil
}
