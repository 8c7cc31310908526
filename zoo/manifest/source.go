package manifest

import (
	"github.com/opencontainers/go-digest"
)

// EmbeddedScheme begins the address of a checkpoint that ships inside the program.
const EmbeddedScheme = "embedded:"

// Source is a checkpoint that somebody else published.
type Source struct {
	// Name is the word by which commands and Preprocessing refer to the source, such as "passl".
	Name string `yaml:"name"`
	// Address is an https or http URL, or embedded: with the name of a file inside the program.
	Address string `yaml:"address"`
	// Revision is the branch, tag or commit that the address names, where the host has such a thing.
	Revision string `yaml:"revision,omitempty"`
	// Format and Scheme are the file format and the naming scheme of the checkpoint.
	Format string `yaml:"format"`
	Scheme string `yaml:"scheme"`
	// Digest and Size (bytes) are those of the file, where known. A digest that is not known is pinned at the first download.
	Digest digest.Digest `yaml:"digest,omitempty"`
	Size   int64         `yaml:"size,omitempty"`
	// Estimate is the size in bytes that the architecture implies, for sources whose Size nobody published.
	Estimate int64 `yaml:"estimate,omitempty"`
	// Learned says how the digest and the size were learned, or that they were not.
	Learned string `yaml:"learned"`
}
