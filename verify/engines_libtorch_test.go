//go:build libtorch

package verify_test

import (
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
)

// otherEngines are those that run models beside the one in plain Go.
var otherEngines = []engine.Engine{torch.Engine{}}
