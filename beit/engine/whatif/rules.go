package whatif

import (
	"math"
	"reflect"
)

// Rules are the choices of a program. The zero value has those of BEiT.
type Rules struct {
	// Activation is that of the MLP; nil means GELU.
	Activation func(float64) float64
	// Epsilon replaces that of the configuration, for one norm each: norm1, norm2, and the last one; 0 leaves it as it is.
	Epsilon1, Epsilon2, EpsilonLast float64
	// Norm is the kind of all norms.
	Norm NormKind
	// BranchScale is a factor of both branches of a block; 0 means 1.
	BranchScale float64
	// NoNorm1 and NoNorm2 mean that this norm of a block is left out.
	NoNorm1, NoNorm2 bool
	// Order is that of norm, branch and residual stream.
	Order Order

	// QueryScale is the factor of the products of queries and keys; 0 means 1/√(width of a head).
	QueryScale float64
	// ScaledBias means that the bias is added to the products before they are scaled.
	ScaledBias bool
	// Weights says how scores become weights, and Keys which keys a query sees.
	Weights WeightKind
	Keys    KeyKind
	// UnitQK means that queries and keys are normalised to length 1 first.
	UnitQK bool
	// LateBias means that the relative position bias is added to the weights, not to the scores.
	LateBias bool
	// NoProj means that the heads are not projected.
	NoProj bool
	// HeadsApart means that the results of heads are not put back beside each other before proj: [heads, T, d] is read as [T, heads d].
	HeadsApart bool
	// NoClassBias means that pairs with the class token have no relative position bias.
	NoClassBias bool

	// Pool says how tokens become the input of the head.
	Pool PoolKind
	// NoLastNorm means that nothing is normalised there.
	NoLastNorm bool
	// UnitPool means that what is pooled is normalised to length 1, and UnitHead that the head does so with what it reads.
	UnitPool, UnitHead bool
	// Output says what becomes of the logits.
	Output OutputKind
	// Down means that patches are counted down the columns of an image first.
	Down bool
	// Backwards means that patches are counted from the last one.
	Backwards bool
	// ClassLast means that the class token stands behind the patches.
	ClassLast bool
	// NoClassPosition means that no position embedding is added to the class token.
	NoClassPosition bool
	// Round rounds values in place to the dtype that linear layers are computed in, as with autocast, and RoundScores those of the attention; nil means float64.
	Round, RoundScores func([]float64)
	// Decoder are the choices in what UPerNet has behind the blocks.
	Decoder Decoder
}

// usualAttention reports whether the attention branch is that of BEiT: other rules concern what follows.
func (r Rules) usualAttention() bool {
	if r.Round != nil || r.RoundScores != nil {
		return false
	}
	r.Activation, r.Epsilon2, r.EpsilonLast, r.NoNorm2, r.BranchScale, r.Decoder = nil, 0, 0, false, 0, Decoder{}
	return reflect.ValueOf(r).IsZero()
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
	// RMSNormAlone is RMSNorm without a bias.
	RMSNormAlone
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
	// ScaleFirst is y = x + A(g N(x)); z = y + M(g N(y)).
	ScaleFirst
	// NoBlock is z = x.
	NoBlock
	// MLPFirst is y = x + g M(N(x)); z = y + g A(N(y)).
	MLPFirst
)

// WeightKind says how the scores of an attention become its weights.
type WeightKind int

// The kinds of weights.
const (
	// SoftmaxOverKeys gives the weights of each query the sum 1.
	SoftmaxOverKeys WeightKind = iota
	// SoftmaxOverQueries gives the weights of each key the sum 1.
	SoftmaxOverQueries
	// SoftmaxOverHeads gives the weights of each pair of tokens the sum 1 over heads.
	SoftmaxOverHeads
	// Sigmoids are the logistic function of each score.
	Sigmoids
	// NoSoftmax means that the scores are used as they are, divided by the number of tokens.
	NoSoftmax
)

// KeyKind says which keys a query sees.
type KeyKind int

// The kinds of keys.
const (
	AllKeys KeyKind = iota
	// EarlierKeys are those up to the query's own token.
	EarlierKeys
	// PatchKeys are all but the class token.
	PatchKeys
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
	// PoolMeanAndClass is the sum of the mean of the patches and the class token, then the norm.
	PoolMeanAndClass
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

// Logistic is the sigmoid.
func Logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// SquaredReLU is the square of ReLU.
func SquaredReLU(v float64) float64 { return ReLU(v) * ReLU(v) }

// LeakyReLU is ReLU with a hundredth of the negative values.
func LeakyReLU(v float64) float64 { return max(0.01*v, v) }

// ELU is v where it is positive, and exp v - 1 elsewhere.
func ELU(v float64) float64 {
	if v > 0 {
		return v
	}
	return math.Expm1(v)
}

// Mish is v tanh(log(1 + exp v)).
func Mish(v float64) float64 { return v * math.Tanh(max(v, 0)+math.Log1p(math.Exp(-math.Abs(v)))) }
