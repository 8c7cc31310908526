package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/segment"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
)

// modelHint returns what the user can type about tensors that are not understood as a model, or "". Packages arch, naming and convert say what has to be
// known; the functions here add the flag that states it, or the command that finds it out.
func modelHint(err error) string {
	return cmp.Or(convertHint(err), namingHint(err), kindHint(err), archHint(err))
}

// convertHint is modelHint for what package convert is asked to take, to leave out or to carry.
func convertHint(err error) string {
	var (
		choice    *convert.ChoiceError
		beside    *convert.ConfigMismatchError
		dropped   *convert.DropError
		unused    *convert.MapUnusedError
		classless *convert.NoClassesError
		headless  *convert.HeadBesideError
	)
	switch {
	case errors.As(err, &choice):
		return choice.Hint() + "; " + choose(choice, selectFlag(err))
	case errors.As(err, &beside):
		return beside.Hint()
	case errors.As(err, &dropped):
		return dropped.Hint() + "; the flag is --drop, and `beitzoo inspect FILE --tensors` lists the tensors"
	case errors.As(err, &unused):
		return unused.Hint() + "; the flag is --map"
	case errors.As(err, &classless):
		return classless.Hint() + "; the flag is " + classlessFlags[classless.Item]
	case errors.As(err, &headless):
		return headless.Hint() + "; the flag is " + selectFlag(err) + " " + text.Shell(headless.StateDict) + ", or --headless of convert"
	}
	return ""
}

// classlessFlags are the flags that state what a model without classes, or one of another kind, does not have.
var classlessFlags = map[card.Item]string{
	card.Labels: "--labels", card.ProblemIs: "--problem-type", card.Heads: "--heads", card.Epsilon: "--epsilon", card.Pooling: "--pooling", card.Taps: "--taps",
}

// namingHint is modelHint for names of tensors, and for tensors that aren't those of the model.
func namingHint(err error) string {
	var (
		mismatch *naming.MismatchError
		foreign  *naming.NotBEiTError
		ownMap   *naming.MapError
		unfit    *naming.UnfitMapError
		gap      *naming.GapError
		nameless *naming.NoNameError
		tie      *naming.TieError
		several  *naming.SeveralModelsError
		stranger *naming.StrangerError
		together *naming.BesideError
		masked   *naming.MaskedModelError
	)
	switch {
	case isA[*archGivenError](nil)(err) && (errors.As(err, &mismatch) || errors.As(err, &foreign)):
		return "the tensors are those of another model than --arch says: leave out --arch, or name the right one; only convert --image-size changes sizes"
	case errors.As(err, &ownMap):
		return ownMap.Hint() + ": beitzoo schemes hf; docs/maps.md describes the form"
	case errors.As(err, &unfit):
		return unfit.Hint() + "; `beitzoo inspect FILE --tensors` lists the names in the file, docs/maps.md describes the form"
	case errors.As(err, &gap):
		return gap.Hint()
	case errors.As(err, &nameless):
		return namelessHint(nameless)
	case errors.As(err, &tie):
		return tie.Hint() + ", with --from SCHEME"
	case errors.As(err, &mismatch):
		return mismatchHint(mismatch)
	case errors.As(err, &foreign):
		return foreign.Hint() + "; `beitzoo inspect FILE` lists what it holds; if it is one under names of your own, `beitzoo inspect FILE --propose-map` drafts a map for --map"
	case errors.As(err, &several):
		return several.Hint() + "; " + selectOne(several, selectFlag(err))
	case errors.As(err, &stranger) && stranger.Part != "":
		return stranger.Hint() + "; the flag is " + selectFlag(err) + " " + text.Shell(stranger.Part)
	case errors.As(err, &together):
		return fmt.Sprintf("%s; the flags are %s %s, %s and --map FILE", together.Hint(), selectFlag(err), text.Shell(together.Prefix), dropAll(together.Patterns))
	case errors.As(err, &masked):
		return masked.Hint() + " with --arch"
	}
	return ""
}

// mismatchHint returns the flags for tensors that aren't exactly those of the model.
func mismatchHint(e *naming.MismatchError) string {
	switch {
	case e.Explained():
		return e.Hint()
	case e.Head != "":
		return e.Hint() + "; the flag is --map FILE, and `beitzoo inspect FILE --propose-map` drafts one; without the head it is --drop PATTERN"
	case len(e.Missing)+len(e.Shapes) == 0:
		return e.Hint() + ", with --arch NAME or --from SCHEME; what does not belong to it is left out with --drop PATTERN"
	}
	return e.Hint() + ", with --arch NAME or --from SCHEME; `beitzoo inspect FILE --tensors` lists the tensors"
}

// kindHint returns the command for a model of another kind than the one that was typed is for, or "".
func kindHint(err error) string {
	var (
		kind     *arch.KindError
		segments *segment.ModelError
	)
	switch {
	case errors.As(err, &kind) && kind.Kind == arch.DVAEDecoder:
		return kind.Hint() + "; the command is: beitzoo reconstruct MODEL --tokenizer T --decoder D IMAGE -o OUT.png"
	case errors.As(err, &kind) && kind.Kind == arch.UPerNet:
		return kind.Hint() + "; the command is: beitzoo segment MODEL IMAGE -o PNG"
	case errors.As(err, &segments) && segments.Config.Classifies():
		return segments.Hint() + "; the command is: beitzoo predict MODEL IMAGE"
	case errors.As(err, &kind):
		return kind.Hint() + "; the commands are: beitzoo tokenize TOKENIZER IMAGES... -o FILE, and beitzoo mim MODEL --tokenizer TOKENIZER IMAGES..."
	}
	return ""
}

// archHint returns the flags that state what tensors leave open about an architecture, or "".
func archHint(err error) string {
	var (
		inference *arch.InferenceError
		conflict  *arch.ConflictError
	)
	switch {
	case errors.As(err, &inference):
		if flag := propertyFlags[inference.Property]; flag != "" {
			return inference.Hint() + ", with " + flag + ", or --arch NAME or --arch FILE.yaml"
		}
		return inference.Hint() + ", with --arch NAME or --arch FILE.yaml"
	case errors.As(err, &conflict):
		return conflict.Hint() + "; the flags are --heads N, --window HxW, --taps B,B,B,B, --pooling TOKENS and --arch"
	}
	return ""
}

// choose returns the flags that take the models of a file.
func choose(e *convert.ChoiceError, flag string) string {
	var flags []string
	for _, choice := range e.Choices {
		switch {
		case choice.Select != "" && len(choice.Drop) > 0:
			flags = append(flags, flag+" "+text.Shell(choice.Select)+" "+dropAll(choice.Drop))
		case len(choice.Drop) > 0:
			flags = append(flags, dropAll(choice.Drop)+" without "+flag)
		case choice.Select == "":
			return "leave out " + flag
		default:
			flags = append(flags, flag+" "+text.Shell(choice.Select))
		}
	}
	if len(flags) == 0 {
		return "`beitzoo inspect FILE --tensors` lists it"
	}
	return theFlags(flags)
}

// theFlags names the only one of several flags, or any of them.
func theFlags(flags []string) string {
	if len(flags) == 1 {
		return "the flag is " + flags[0]
	}
	return "the flags are " + text.Or(flags)
}

// selectOne returns the flags that take one of several models by its prefix, moving averages last. Names without a prefix are taken by dropping the others.
func selectOne(several *naming.SeveralModelsError, flag string) string {
	var own, averages []string
	for _, prefix := range several.Prefixes {
		switch {
		case prefix == "":
			own = append(own, dropAll(several.Patterns()))
		case checkpoint.IsAverage(prefix):
			averages = append(averages, flag+" "+text.Shell(prefix))
		default:
			own = append(own, flag+" "+text.Shell(prefix))
		}
	}
	if len(own) == 0 {
		own, averages = averages, nil
	}
	words := theFlags(own)
	if len(averages) > 0 {
		words += ", or for what is by its name a moving average " + text.Or(averages)
	}
	return words
}

// selectFlag returns the flag that selects a state dict in the file that an error is about.
func selectFlag(err error) string {
	if of := (*sideError)(nil); errors.As(err, &of) {
		return of.flag
	}
	return "--select"
}

// sideError is an error about one of two checkpoints, in which a flag of its own selects a state dict.
type sideError struct {
	flag string
	err  error
}

func (e *sideError) Error() string { return e.err.Error() }
func (e *sideError) Unwrap() error { return e.err }

// ofSide adds to an error of [convert.OpenPair] the flag for the checkpoint that it is about.
func ofSide(err error, flagA, flagB string) error {
	of := (*convert.SideError)(nil)
	switch {
	case !errors.As(err, &of):
		return err
	case of.Side == convert.SideA:
		return &sideError{flagA, err}
	}
	return &sideError{flagB, err}
}

// mostDropped is how many patterns a hint prints.
const mostDropped = 4

// dropAll returns the flags that leave out what patterns match.
func dropAll(patterns []string) string {
	var flags []string
	for _, pattern := range patterns[:min(len(patterns), mostDropped)] {
		flags = append(flags, "--drop "+text.Shell(pattern))
	}
	if len(patterns) > mostDropped {
		flags = append(flags, "...")
	}
	return strings.Join(flags, " ")
}

// namelessHint returns the flags for a part of a model that a scheme has no names for.
func namelessHint(e *naming.NoNameError) string {
	flag := map[naming.Part]string{
		naming.ClassBranch: "--drop cls-branch", naming.RegressionHead: "--headless", naming.MaskedHead: "--headless",
		naming.TrainingParts: "--drop " + convert.TrainingOfVQKD,
	}[e.Part]
	if flag == "" {
		return e.Hint() + ", with --to SCHEME"
	}
	return e.Hint() + "; the flags are " + flag + " and --to SCHEME"
}
