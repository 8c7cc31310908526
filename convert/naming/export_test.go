package naming

import (
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// AddScheme adds a scheme with names that no other scheme has, and returns a function that removes it. Only a test that is not parallel may call it.
func AddScheme(name, program string) (remove func()) {
	before := schemes
	rows := slices.Concat(under("net/", backbone...), []row{{canonical: []string{"head.*"}, foreign: []string{"net/predict.*"}}})
	schemes = append(slices.Clone(schemes), &Scheme{
		Name: name, Program: program, Format: "pytorch", Key: "weights", Recipe: "timm", Epsilon: 1e-5,
		rows: rows, transposed: true, blockIndex: []string{"net/" + blockIndex}, sharedIndex: []string{"net/" + sharedIndex}, writesIndex: true,
	})
	return func() { schemes = before }
}

// Shallow returns an architecture with fewer blocks, whose taps are those that are left.
func Shallow(config arch.Config, depth int) arch.Config {
	config.Depth = min(config.Depth, depth)
	for i, tap := range config.Segmentation.Taps {
		config.Segmentation.Taps[i] = min(tap, arch.Tap(config.Depth-1))
	}
	return config
}

// Lacks is for tests outside the package.
var Lacks = lacks
