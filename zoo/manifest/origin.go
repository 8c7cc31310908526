package manifest

// Origin says who made the weights, and under which terms.
type Origin struct {
	// Authors made the weights.
	Authors []string `yaml:"authors"`
	// Publishers put them where Sources point to.
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

// Licence is what the authors state, and what others state in contradiction.
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
