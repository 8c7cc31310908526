package checkpoint

import "context"

// maxEffort bounds what is read of the descriptions of tensors in all files of a folder or an index together, in opcodes of pickles. One process of a training of
// BEiT large needs 30,000 for its part, 100,000 with the state of the optimizer.
const maxEffort = 12_000_000

// EffortBytes is how many bytes of a description take as much effort as an opcode.
const EffortBytes = 64

// effortKey is that of the effort that is left, in a context: files are read by packages that know nothing of each other.
type effortKey struct{}

// together returns a context in which the files that are read share one effort.
func together(ctx context.Context) context.Context {
	left := int64(maxEffort)
	return context.WithValue(ctx, effortKey{}, &left)
}

// Spend counts the effort of reading what describes tensors, before or after it is made, and refuses more than the files of a folder may take together. A file
// that is read alone has limits of its own.
func Spend(ctx context.Context, effort int64) error {
	left, ok := ctx.Value(effortKey{}).(*int64)
	if !ok {
		return nil
	}
	if effort > *left {
		*left = 0
		return Unsafe("the files that belong together need more than %d steps to read what tensors they hold", maxEffort)
	}
	*left -= effort
	return nil
}
