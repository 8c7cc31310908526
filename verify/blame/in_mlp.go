package blame

import "github.com/beitzoo/beitzoo/beit/engine/whatif"

var mlp = []part{atMLP}

// inMLP returns the mistakes in the MLP branch.
func inMLP() []hypothesis {
	const exact = "use the exact GELU, with erf"
	return []hypothesis{
		program("activation", mlp, "GELU is its tanh approximation", exact, func(r *whatif.Rules) { r.Activation = whatif.TanhGELU }),
		program("activation", mlp, "the activation is QuickGELU, x sigmoid(1.702 x)", exact, func(r *whatif.Rules) { r.Activation = whatif.QuickGELU }),
		program("activation", mlp, "the activation is ReLU", exact, func(r *whatif.Rules) { r.Activation = whatif.ReLU }),
		program("activation", mlp, "the activation is SiLU", exact, func(r *whatif.Rules) { r.Activation = whatif.SiLU }),
		editing("reshaped", mlp, "mlp.fc1.weight", "mlp.fc1.weight was reshaped where it should have been transposed", "read as [in, out] and transpose", reread),
		editing("reshaped", mlp, "mlp.fc2.weight", "mlp.fc2.weight was reshaped where it should have been transposed", "read as [in, out] and transpose", reread),
		editing("no-bias", mlp, "mlp.fc1.bias", "mlp.fc1.bias is left out", "zero", zeros),
		editing("no-bias", mlp, "mlp.fc2.bias", "mlp.fc2.bias is left out", "zero", zeros),
	}
}
