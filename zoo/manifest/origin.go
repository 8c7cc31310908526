package manifest

import "github.com/opencontainers/go-digest"

// Origin says who made the weights, and under which terms.
type Origin struct {
	// Authors are those who made the weights.
	Authors []string `yaml:"authors"`
	// Publishers are those who put them where Sources point to.
	Publishers []string `yaml:"publishers"`
	// Training says in one sentence on which data the weights were trained.
	Training string  `yaml:"training"`
	Paper    *Paper  `yaml:"paper,omitempty"`
	Licence  Licence `yaml:"licence"`
}

// Paper is the publication to cite.
type Paper struct {
	Title   string   `yaml:"title"`
	Authors []string `yaml:"authors"`
	Year    int      `yaml:"year"`
	Address string   `yaml:"address"`
}

// Licence is what the authors state about the licence, and what others state against it.
type Licence struct {
	// Expression is an SPDX identifier.
	Expression string `yaml:"expression"`
	// Origin says where that is stated.
	Origin   string    `yaml:"origin"`
	Disputes []Dispute `yaml:"disputes,omitempty"`
}

// Dispute is another party's statement about the licence, or a question that no source answers.
type Dispute struct {
	Party     string `yaml:"party"`
	Statement string `yaml:"statement"`
}

// EmbeddedScheme begins the address of a file that ships inside the program.
const EmbeddedScheme = "embedded:"

// Source is a checkpoint that somebody else published.
type Source struct {
	// Name is the word by which commands and Preprocessing refer to the source, such as "passl".
	Name string `yaml:"name"`
	// Address is an https or http URL, or embedded: with the name of a file inside the program.
	Address string `yaml:"address"`
	// Revision is the branch, tag or commit that the address names, if the host has such a thing.
	Revision string `yaml:"revision,omitempty"`
	// Format and Scheme are the file format and the naming scheme of the checkpoint.
	Format string `yaml:"format"`
	Scheme string `yaml:"scheme"`
	// Digest and Size (bytes) are those of the file, if they are known. A digest that is not known is pinned at the first download.
	Digest digest.Digest `yaml:"digest,omitempty"`
	Size   int64         `yaml:"size,omitempty"`
	// DigestPrefix are the first hexadecimal digits of the SHA-256 digest, 8 or more, for files whose names state these alone. A pull checks them.
	DigestPrefix string `yaml:"digest_prefix,omitempty"`
	// Estimate is the size in bytes that the architecture implies, for sources whose Size nobody published.
	Estimate int64 `yaml:"estimate,omitempty"`
	// Learned says how the digest and the size were learned, or that they were not.
	Learned string `yaml:"learned"`
}
