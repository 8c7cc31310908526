package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// Repair is a model in which the findings about its checkpoint are mended, as far as that can be done from its own values.
type Repair struct {
	// Weights are all parameters, in the order of those given. What was restored has its old dtype; it lies in memory, in float64. The others are those given.
	Weights []tensor.Named
	// Restored are the parameters with other values than before, in that order.
	Restored []Restored
	// Rounded are the parameters whose values were computed and rounded, so that a model that is exact but for them agrees to the rounding of their dtype.
	Rounded []string
	// Remaining are the findings that no edit mends: what was lost, and what is not a fault of the checkpoint.
	Remaining []blame.Finding
}

// Restored is a parameter that was restored.
type Restored struct {
	// Tensor is its canonical name; Says is what was done: "transpose".
	Tensor, Says string
	// Rounded is the number of values that its dtype does not hold exactly. Values that were only moved or negated are always held.
	Rounded int
}

// Repair returns the subject's weights with the edits of the findings about its checkpoint; weights must be those that were verified. With trust in the reference
// those are included that may as well be faults of the program that computed it, see [blame.Either]. Nothing says yet that the reference agrees: run Verify
// again. If there is nothing to restore the error is a *NothingToRestoreError; other errors are those of reading weights.
func (r *Result) Repair(weights []tensor.Named, trust bool) (*Repair, error) {
	edits, repair := map[string]blame.Edit{}, &Repair{}
	for _, f := range r.Findings {
		about := f.Side == blame.Checkpoint || f.Side == blame.Either && trust
		if about && len(f.Edits) == 0 || !about && f.Hypothesis != blame.Healthy {
			repair.Remaining = append(repair.Remaining, f)
		}
		if !about {
			continue
		}
		repair.Rounded = append(repair.Rounded, f.Rounded...)
		for _, edit := range f.Edits {
			edits[edit.Tensor] = edit // a later finding of a stage goes on from what an earlier one restored
		}
	}
	for _, w := range weights {
		edit, found := edits[w.Name]
		if !found {
			repair.Weights = append(repair.Weights, w)
			continue
		}
		restored, view, err := restore(w, edit)
		if err != nil {
			return nil, fmt.Errorf("restoring %s: %w", w.Name, err)
		}
		repair.Weights = append(repair.Weights, tensor.Named{Name: w.Name, View: view})
		repair.Restored = append(repair.Restored, restored)
		if restored.Rounded > 0 {
			repair.Rounded = append(repair.Rounded, w.Name)
		}
		delete(edits, w.Name)
	}
	slices.Sort(repair.Rounded)
	repair.Rounded = slices.Compact(repair.Rounded)
	if len(repair.Restored) == 0 {
		return nil, &NothingToRestoreError{OK: r.OK, Remaining: repair.Remaining}
	}
	return repair, nil
}

// restore returns the parameter after the edit, in its own dtype.
func restore(w tensor.Named, edit blame.Edit) (Restored, tensor.View, error) {
	done := Restored{Tensor: w.Name, Says: edit.Says}
	if !edit.View.Shape.Equal(w.Shape) {
		return done, tensor.View{}, &MismatchError{What: w.Name, Got: edit.View.Shape, Want: w.Shape}
	}
	view, err := transform.Cast(edit.View, w.DType)
	if err != nil {
		return done, view, err
	}
	wanted, err := tensor.Float64s(edit.View)
	if err != nil {
		return done, view, err
	}
	held, err := tensor.Float64s(view)
	for i, v := range held {
		if math.Float64bits(v) != math.Float64bits(wanted[i]) {
			done.Rounded++
		}
	}
	return done, view, err
}

// Sentence says what was done, without a full stop, for the record of what was done to the model. reference names what the model agrees with.
func (r *Repair) Sentence(reference string) string {
	var done []string
	for _, t := range r.Restored {
		done = append(done, t.Tensor+": "+t.Says)
	}
	return "restored so that it agrees with " + reference + ": " + text.List(done, 8, "")
}

// NothingToRestoreError says that a model can't be repaired from its own values.
type NothingToRestoreError struct {
	// OK means that the model agrees with its reference as it is.
	OK bool
	// Remaining are the findings; there are none if no reason was found.
	Remaining []blame.Finding
}

func (e *NothingToRestoreError) Error() string {
	lost, other := splitSides(e.Remaining)
	other = slices.DeleteFunc(other, isUnexplained)
	switch {
	case e.OK:
		return "the model agrees with the reference as it is"
	case len(lost) > 0:
		return "what was lost cannot be restored: " + text.List(sentences(lost), 3, "")
	case len(other) > 0:
		return "the checkpoint has nothing to restore: " + text.List(sentences(other), 3, "")
	}
	return "the reason was not found, so nothing can be restored"
}

func isUnexplained(f blame.Finding) bool { return f.Hypothesis == blame.Unexplained }

// Is reports whether kind is errdef.ErrDiffers.
func (e *NothingToRestoreError) Is(kind error) bool { return kind == errdef.ErrDiffers }

// Hint says what to change instead.
func (e *NothingToRestoreError) Hint() string {
	if e.OK {
		return "use it as it is"
	}
	return remainingHint(e.Remaining)
}

// NotRepairedError says that a model does not agree with its reference although all was restored that can be.
type NotRepairedError struct {
	// FirstDivergence is the first stage that is still outside of its tolerance.
	FirstDivergence string
	// Remaining are the findings that nothing mends.
	Remaining []blame.Finding
}

func (e *NotRepairedError) Error() string {
	return fmt.Sprintf("with all that can be restored the model still differs from the reference, first at %s", e.FirstDivergence)
}

// Is reports whether kind is errdef.ErrDiffers.
func (e *NotRepairedError) Is(kind error) bool { return kind == errdef.ErrDiffers }

// Hint says what else is to be changed.
func (e *NotRepairedError) Hint() string { return remainingHint(e.Remaining) }

// splitSides divides findings into those of what the checkpoint lost, and the others.
func splitSides(findings []blame.Finding) (lost, other []blame.Finding) {
	for _, f := range findings {
		if f.Side == blame.Checkpoint {
			lost = append(lost, f)
		} else {
			other = append(other, f)
		}
	}
	return lost, other
}

func sentences(findings []blame.Finding) (all []string) {
	for _, f := range findings {
		all = append(all, f.Sentence)
	}
	return all
}

// originalStages is what to do if no reason was found.
const originalStages = "take the parameters of the stages that differ from the original checkpoint"

// remainingHint says what to change for findings that no edit mends.
func remainingHint(remaining []blame.Finding) string {
	var parts []string
	lost, other := splitSides(remaining)
	if names := tensorsOf(lost); len(names) > 0 {
		parts = append(parts, "take from the original checkpoint: "+text.List(names, 6, ""))
	}
	for _, f := range other {
		switch {
		case f.Side == blame.Either:
			parts = append(parts, "look at the program that computed the reference: if it is right, the checkpoint is restored with trust in the reference")
		case f.Epsilon != 0:
			parts = append(parts, fmt.Sprintf("run the model with epsilon %g if that is what it was trained with", f.Epsilon))
		case f.Side == blame.Recording && f.Advice != "":
			parts = append(parts, "record again: "+f.Advice)
		case isUnexplained(f):
			if parts = append(parts, originalStages); f.Advice != "" {
				parts = append(parts, f.Advice)
			}
		case f.Advice != "":
			parts = append(parts, "change there: "+f.Advice)
		case f.Side == blame.Input:
			parts = append(parts, "record again, of the very pixels that the model is given")
		case f.Side == blame.Recording:
			parts = append(parts, "record again")
		default:
			parts = append(parts, "change there: "+f.Sentence)
		}
	}
	if len(parts) == 0 {
		return originalStages + "; if the recording lacks stages, record all of them first"
	}
	return strings.Join(slices.Compact(parts), "; ")
}

func tensorsOf(findings []blame.Finding) (names []string) {
	for _, f := range findings {
		names = append(names, f.Tensors...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
