package whatif

import "math"

// Rules are the choices of a program. The zero value has those of BEiT.
type Rules struct {
	// Activation is that of the MLP; nil means GELU.
	Activation func(float64) float64
	// Epsilon replaces that of the configuration, for one norm each: norm1, norm2, and the last one; 0 leaves it as it is.
	Epsilon1, Epsilon2, EpsilonLast float64
	// Norm is the kind of all norms.
	Norm NormKind
	// Order is that of norm, branch and residual stream.
	Order Order

	// QueryScale is the factor of the products of queries and keys; 0 means 1/√(width of a head).
	QueryScale float64
	// ScaledBias means that the bias is added to the products before they are scaled.
	ScaledBias bool
	// SoftmaxOverQueries means that the weights of each key, not of each query, have the sum 1.
	SoftmaxOverQueries bool
	// HeadsApart means that the results of heads are not put back beside each other before proj: [heads, T, d] is read as [T, heads d].
	HeadsApart bool
	// NoClassBias means that pairs with the class token have no relative position bias.
	NoClassBias bool
	// NoSoftmax means that the scores are used as they are, divided by the number of tokens.
	NoSoftmax bool

	// Pool says how tokens become the input of the head.
	Pool PoolKind
	// NoLastNorm means that nothing is normalised there.
	NoLastNorm bool
	// Output says what becomes of the logits.
	Output OutputKind
	// Down means that patches are counted down the columns of an image first.
	Down bool
	// ClassLast means that the class token stands behind the patches.
	ClassLast bool
	// Round rounds values in place to the dtype that products are computed in, as with autocast; nil means float64.
	Round func([]float64)
}

// NormKind is a kind of norm.
type NormKind int

// The kinds of norms.
const (
	// LayerNorm subtracts the mean and divides by the root of variance + epsilon.
	LayerNorm NormKind = iota
	// UnbiasedNorm has the variance of a sample, divided by n - 1.
	UnbiasedNorm
	// OutsideNorm adds epsilon to the standard deviation, not to the variance.
	OutsideNorm
	// RMSNorm does not subtract the mean.
	RMSNorm
)

// Order is the order of norm, branch and residual stream in a block.
type Order int

// The orders. g is layer scale, A the attention, M the MLP, N a norm.
const (
	// NormFirst is y = x + g A(N(x)); z = y + g M(N(y)).
	NormFirst Order = iota
	// NormAfterSum is y = N(x + g A(x)); z = N(y + g M(y)).
	NormAfterSum
	// NormAfterBranch is y = x + g N(A(x)); z = y + g N(M(y)).
	NormAfterBranch
	// ScaleAfterSum is y = g (x + A(N(x))); z = g (y + M(N(y))).
	ScaleAfterSum
	// SideBySide is z = x + g A(N(x)) + g M(N(x)).
	SideBySide
	// NoFirstResidual is y = g A(N(x)), and z as in NormFirst.
	NoFirstResidual
	// NoSecondResidual is z = g M(N(y)), and y as in NormFirst.
	NoSecondResidual
	// ResidualOfNorm is y = N(x) + g A(N(x)); z = N(y) + g M(N(y)).
	ResidualOfNorm
)

// PoolKind says how tokens become the input of the head. The zero value is that of the configuration.
type PoolKind int

// The kinds of pooling.
const (
	// AsConfigured is arch.Config.Pooling.
	AsConfigured PoolKind = iota
	// PoolMean is the mean of the patches, then the norm.
	PoolMean
	// PoolClass is the class token, normalised.
	PoolClass
	// PoolMeanOfAll is the mean of all tokens, then the norm.
	PoolMeanOfAll
	// PoolMax is the maximum of the patches, then the norm.
	PoolMax
	// PoolSum is the sum of the patches, then the norm.
	PoolSum
	// PoolNormFirst is the norm of each token, then the mean of the patches.
	PoolNormFirst
	// PoolNormFirstOfAll is the norm of each token, then the mean of all.
	PoolNormFirstOfAll
	// PoolLast is the last token, normalised.
	PoolLast
	// PoolFirstPatch is the first patch, normalised.
	PoolFirstPatch
)

// OutputKind says what becomes of the logits.
type OutputKind int

// The kinds of outputs.
const (
	Logits OutputKind = iota
	Softmax
	LogSoftmax
	Sigmoid
)

// Activations that programs use in place of GELU.

// TanhGELU is the approximation of GELU by tanh.
func TanhGELU(v float64) float64 {
	return v * 0.5 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
}

// QuickGELU is the approximation of GELU by a sigmoid.
func QuickGELU(v float64) float64 { return v / (1 + math.Exp(-1.702*v)) }

// ReLU is max(0, v).
func ReLU(v float64) float64 { return max(0, v) }

// SiLU is v times its sigmoid.
func SiLU(v float64) float64 { return v / (1 + math.Exp(-v)) }

// Identity means no activation.
func Identity(v float64) float64 { return v }

// gelu is the exact Gaussian error linear unit.
func gelu(v float64) float64 { return v * 0.5 * (1 + math.Erf(v*(1/math.Sqrt2))) }
