package pytorch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
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

// readRanks joins the tensors of all files that hold a model. If the first of them that can be read holds no parts, the folder is of another kind. One that
// can't be read before it is the reason to refuse a folder of this kind, or one of which no file is safe to read.
func readRanks(ctx context.Context, folder *checkpoint.Folder, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	j := &joiner{parts: map[string]*jointTensor{}, unpacking: &unpacking{}}
	var refused error
	seen := map[*byte]bool{}
	for _, name := range rankFiles(folder) {
		content, err := folder.Content(name)
		if err != nil {
			return nil, err
		}
		if len(content) > 0 && seen[&content[0]] {
			j.links = append(j.links, text.Quote(name))
			continue
		}
		if len(content) > 0 {
			seen[&content[0]] = true
		}
		joined, err := j.add(ctx, name, content, options)
		switch {
		case errors.Is(err, checkpoint.ErrNoModel):
			j.skipped = append(j.skipped, text.Quote(name))
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case j.files == 0 && err != nil:
			refused = cmp.Or(refused, inFile(name, err))
		case j.files == 0 && !joined:
			return nil, nil
		case refused != nil:
			return nil, refused
		case err != nil:
			return nil, inFile(name, err)
		case !joined:
			return nil, checkpoint.Unsupported("the folder has files of processes that have parts of tensors, and %.200q, which has none", name).
				WithHint("give a folder that holds the files of one training and nothing else")
		}
	}
	switch {
	case j.files > 0:
		return j.checkpoint()
	case errors.Is(refused, checkpoint.ErrUnsafe):
		return nil, refused
	}
	return nil, nil
}

// inFile says which file of the folder an error is about.
func inFile(name string, err error) error { return fmt.Errorf("the file %q in it: %w", name, err) }

// joiner joins the tensors of several files.
type joiner struct {
	// files is how many were added, skipped the quoted names of those without a model.
	files   int
	skipped []string
	// links are the quoted names of those that are links to others.
	links []string
	found *statedict.Dict
	names []string
	parts map[string]*jointTensor
	// notes say what Python would call to load the files.
	notes []string
	// copies counts parts that several processes had.
	copies int
	// size is that of all files, in bytes, and total that of the tensors that were joined.
	size, total int64
	// compared is how many bytes of copies were compared.
	compared  int64
	unpacking *unpacking
}

// filePart is a part of a tensor, and the file that has it.
type filePart struct {
	mosaic.Part
	file string
	// sum is that of its bytes, once it was compared.
	sum []byte
}

// jointTensor is a tensor in the making.
type jointTensor struct {
	dtype tensor.DType
	shape tensor.Shape
	parts []*filePart
	files int
}

// add takes the tensors of a file, and reports whether there are parts of tensors among them.
func (j *joiner) add(ctx context.Context, name string, content []byte, options checkpoint.Options) (bool, error) {
	object, s, err := objectIn(ctx, content)
	if err != nil {
		return false, err
	}
	found, err := statedict.Choose(object.Root, statedict.Options{Select: options.Select, FileSize: int64(len(content)), Shards: true})
	if err != nil {
		return false, err
	}
	s.unpacking = j.unpacking
	for _, note := range object.Notes() {
		if !slices.Contains(j.notes, note) {
			j.notes = append(j.notes, note)
		}
	}
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
	j.size += int64(len(content))
	j.unpacking.limit = mostOf(j.size)
	if j.found == nil {
		j.found = found
	}
	for _, t := range found.Tensors {
		if err := j.take(ctx, name, s, t); err != nil {
			return false, err
		}
	}
	return true, nil
}

// take adds a tensor of a file, or a part of one.
func (j *joiner) take(ctx context.Context, file string, s *storages, t statedict.Tensor) error {
	quoted := text.Quote(text.Cut(t.Name, 100))
	made := &filePart{file: file}
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
	same := func(p *filePart) bool {
		return slices.Equal(p.Offset, made.Offset) && p.View.Shape.Equal(made.View.Shape)
	}
	if at := slices.IndexFunc(known.parts, same); at >= 0 {
		j.copies++
		size, err := made.View.Size()
		if known.parts[at].sum == nil && err == nil {
			size *= 2 // both are read
		}
		if most := mostOf(j.size); err != nil || size > most-j.compared {
			return checkpoint.Unsafe("the parts that several files have sum up to more than %d bytes in files of %d", most, j.size)
		}
		j.compared += size
		return known.parts[at].compare(ctx, t.Name, made)
	}
	known.parts = append(known.parts, made)
	return nil
}

// compare returns an error unless another file has the same bytes for a part.
func (p *filePart) compare(ctx context.Context, name string, other *filePart) error {
	for _, part := range []*filePart{p, other} {
		if part.sum != nil {
			continue
		}
		sum := &digest{ctx.Err, sha256.New()}
		if _, err := part.View.Data.WriteTo(sum); err != nil {
			return fmt.Errorf("tensor %s in the file %q: %w", text.Quote(text.Cut(name, 100)), part.file, err)
		}
		part.sum = sum.Sum(nil)
	}
	if bytes.Equal(p.sum, other.sum) {
		return nil
	}
	return checkpoint.Malformed("tensor %s, of which each process has the same, is not the same in %q and %q", text.Quote(text.Cut(name, 100)), p.file, other.file).
		WithHint("the files are of several models, or of several steps of a training: put those of one step into a folder of their own")
}

// digest sums up what is written to it until it is stopped.
type digest struct {
	stopped func() error
	hash.Hash
}

// Write adds to the sum.
func (d *digest) Write(p []byte) (int, error) {
	if err := d.stopped(); err != nil {
		return 0, err
	}
	return d.Hash.Write(p)
}

// checkpoint joins what was added.
func (j *joiner) checkpoint() (*checkpoint.Checkpoint, error) {
	opened := &checkpoint.Checkpoint{
		Container: fmt.Sprintf("%d files of processes, with parts of tensors (DTensor)", j.files),
		Wrapper:   j.found.Wrapper, Others: j.found.Others, Notes: slices.Concat(j.found.Notes, j.notes),
	}
	for _, name := range j.names {
		joint := j.parts[name]
		parts := make([]mosaic.Part, len(joint.parts))
		for i, part := range joint.parts {
			parts[i] = part.Part
		}
		view, err := mosaic.Join(joint.dtype, joint.shape, parts)
		if err == nil && joint.files != j.files {
			err = fmt.Errorf("it is in %d of %d files", joint.files, j.files)
		}
		if err != nil {
			return nil, checkpoint.Malformed("tensor %s of shape %s: %s", text.Quote(text.Cut(name, 100)), joint.shape, err).
				WithHint("put the files of all processes of one training into the folder, and nothing else")
		}
		size, err := view.Size()
		if most := mostOf(j.size); err != nil || size > most-j.total {
			return nil, checkpoint.Unsafe("the tensors sum up to more than %d bytes in files of %d", most, j.size)
		}
		j.total += size
		opened.Tensors = append(opened.Tensors, tensor.Named{Name: name, View: view})
	}
	opened.Notes = append(opened.Notes, "tensors were joined from the parts that the processes of a training saved")
	if j.copies > 0 {
		opened.Notes = append(opened.Notes, fmt.Sprintf("parts that several processes have are equal, byte for byte: %s left out", text.Count(j.copies, "copy was", "copies were")))
	}
	if len(j.links) > 0 {
		opened.Notes = append(opened.Notes, "left out, links to files that were read: "+text.List(j.links, 8, ""))
	}
	if len(j.skipped) > 0 {
		opened.Notes = append(opened.Notes, "left out, files without a model: "+text.List(j.skipped, 8, ""))
	}
	return opened, nil
}
