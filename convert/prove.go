package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// ProofError says that a file which was just written doesn't hold what it should. The file did not get its name.
type ProofError struct {
	// Tensor is the canonical name of the parameter, or empty if the whole file is wrong.
	Tensor string
	// Element is the first one that differs, in canonical order.
	Element int64
	Reason  string
	// Folder is the folder whose files have their names already, if it is read back otherwise than they were written; or empty.
	Folder string
}

func (e *ProofError) Error() string {
	if e.Folder != "" {
		return fmt.Sprintf("a program that loads the folder %s does not get the model that was written: %s", e.Folder, e.Reason)
	}
	if e.Tensor == "" {
		return "the written file does not hold the model: " + e.Reason
	}
	return fmt.Sprintf("the written file differs in %s, element %d: %s", e.Tensor, e.Element, e.Reason)
}

// Is reports that the file is not what it should be.
func (e *ProofError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns what it means.
func (e *ProofError) Hint() string {
	if e.Folder != "" {
		return "do not use the folder: write to one that is empty"
	}
	return "nothing was kept; if it happens again, the disk or memory is failing, or beitzoo has a mistake: please report it"
}

// Prove opens the file at path as any other checkpoint, reads it by the scheme, and compares every parameter bit for bit with want, the canonical
// tensors that it should hold. Differences are reported as *ProofError.
func Prove(ctx context.Context, path, scheme string, config arch.Config, want []tensor.Named) error {
	return readBack(ctx, path, OpenOptions{From: scheme}, config, func(ctx context.Context, written *Model) error { return proveTensors(ctx, written.Tensors, want) })
}

// readBack opens a file that was just written, as how says, for a check of what it holds.
func readBack(ctx context.Context, path string, how OpenOptions, config arch.Config, check func(ctx context.Context, written *Model) error) error {
	how.Arch = &config
	written, err := Open(ctx, path, how)
	if err != nil {
		return fmt.Errorf("%w: %w", &ProofError{Reason: "it can't be read back"}, err)
	}
	defer written.Close()
	return check(ctx, written)
}

// proveFolder opens the folder as any reader does, who knows nothing but its path, and compares every parameter, and, where config.json says it, the
// architecture. Differences are reported as *ProofError.
func (t target) proveFolder(ctx context.Context, config arch.Config, want []tensor.Named) error {
	wrong := func(err error) error {
		return &ProofError{Folder: t.folder, Reason: err.Error()}
	}
	written, err := Open(ctx, t.folder, OpenOptions{})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return wrong(err)
	}
	defer written.Close()
	if t.scheme.ModelType != "" && written.Config.Named() != config.Named() {
		return wrong(fmt.Errorf("its architecture is %+v instead of %+v", written.Config, config))
	}
	if err := proveTensors(ctx, written.Tensors, want); errors.As(err, new(*ProofError)) {
		return wrong(err)
	} else if err != nil {
		return err
	}
	return nil
}

func proveTensors(ctx context.Context, got, want []tensor.Named) error {
	if len(got) != len(want) {
		return &ProofError{Reason: fmt.Sprintf("%d parameters instead of %d", len(got), len(want))}
	}
	indices := make(map[string]int, len(got))
	for i, t := range got {
		indices[t.Name] = i
	}
	return parallel.Each(ctx, len(want), guarded(func(ctx context.Context, i int) error {
		at, ok := indices[want[i].Name]
		if !ok {
			return &ProofError{Tensor: want[i].Name, Reason: "it is missing"}
		}
		return proveTensor(ctx, got[at], want[i])
	}))
}

func proveTensor(ctx context.Context, got, want tensor.Named) error {
	if got.DType != want.DType || !got.Shape.Equal(want.Shape) {
		return &ProofError{Tensor: want.Name, Reason: fmt.Sprintf("%s %s instead of %s %s", got.DType, got.Shape, want.DType, want.Shape)}
	}
	width := want.DType.Size()
	return pairs(ctx, want.View, got.View, func(first int64, a, b []byte) error {
		if bytes.Equal(a, b) {
			return nil
		}
		for i := range a {
			if a[i] != b[i] {
				return &ProofError{Tensor: want.Name, Element: first + int64(i/width), Reason: "its bits are not those of the source"}
			}
		}
		return nil
	})
}
