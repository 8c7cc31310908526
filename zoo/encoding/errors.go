package encoding

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
)

var (
	// ErrMalformed says that the bytes are no coded file, or a damaged or hostile one.
	ErrMalformed = errors.New("malformed coded weights")
	// ErrDigestMismatch says that bytes are not those that were coded. [DigestError] has the details.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrRegions says that the regions given to Encode cannot describe a file.
	ErrRegions = errors.New("impossible regions")
)

// DigestError says which chunk is wrong.
type DigestError struct {
	Chunk int
	// Coded tells that the coded bytes are already wrong; else they are right, and decoding them gave something else.
	Coded     bool
	Want, Got digest.Digest
}

func (e *DigestError) Error() string {
	which := "decoded"
	if e.Coded {
		which = "coded"
	}
	return fmt.Sprintf("chunk %d: %v of the %s bytes: want %s, got %s", e.Chunk, ErrDigestMismatch, which, e.Want, e.Got)
}

// Is makes errors.Is find ErrDigestMismatch.
func (e *DigestError) Is(kind error) bool { return kind == ErrDigestMismatch }

func malformed(reason string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(reason, args...))
}
