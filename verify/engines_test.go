//go:build !libtorch

package verify_test

import "github.com/beitzoo/beitzoo/beit/engine"

// otherEngines are those that run models beside the one in plain Go; with libtorch there is one.
var otherEngines []engine.Engine
