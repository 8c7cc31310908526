package main

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/evaluate/segmentation"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/trust"
)

// The files hints*.go say what the user can type after an error, in words of the command line: libraries know neither commands nor flags. For an
// error without a hint here, the library's own Hint is printed.

// missingError says that there is no file or folder at a path which the user wrote.
type missingError struct {
	what missing
	err  error
}

// missing is what the path was meant for.
type missing int

const (
	modelFile missing = iota
	imageFolder
	labelledFolder
	listFile
)

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

func (e *missingError) Hint() string {
	switch e.what {
	case listFile:
		return "check the path; a list has the path of one picture in each line"
	case labelledFolder:
		return "check the path; DATA is a folder with pictures and labels, such as ADEChallengeData2016, or one of pictures with --labels-dir FOLDER"
	case imageFolder:
		return "check the path; DATA is a folder with a folder of images for each class, such as val/n01440764/1.jpg, a list, or tar files"
	}
	return "check the path; a model can be a file, a folder, a name that `beitzoo list` shows, or hf://OWNER/NAME"
}

// hintOf returns what the user can do about an error, whatever the command, or "".
func hintOf(err error) string { return cmp.Or(typedHint(err), systemHint(err)) }

// mostUnreadHints is how many hints about pictures stand beside one another.
const mostUnreadHints = 3

// unreadHint returns the hint about all pictures that could not be read, or each with the first picture that it is about.
func unreadHint(unread *classify.UnreadError) string {
	var hints, about []string
	for _, failure := range unread.Failures {
		if hint := hintOf(failure); !slices.Contains(hints, hint) {
			hints, about = append(hints, hint), append(about, text.Name(failure.Path)+": "+hint)
		}
	}
	if len(hints) == 1 {
		return hints[0]
	}
	return strings.Join(about[:min(len(about), mostUnreadHints)], "; ")
}

// typedHint returns what the user can do about an error whose type says what is wrong, or "".
func typedHint(err error) string {
	if unread := (*classify.UnreadError)(nil); errors.As(err, &unread) && len(unread.Failures) > 1 {
		return unreadHint(unread)
	}
	return cmp.Or(engineHint(err), modelHint(err), zooHint(err), flagHint(err), errdef.Hint(err))
}

// systemHint returns what the user can do about an error of the system, which has no type of this module, or "".
func systemHint(err error) string {
	image := isA[*preprocess.FileError](nil)(err)
	if image && errors.Is(err, fs.ErrNotExist) {
		return "check the path of the image"
	}
	for _, h := range systemHints {
		if errors.Is(err, h.cause) {
			return h.hint
		}
	}
	if image {
		return "give whole image files: JPEG, PNG, GIF, BMP, WebP, TIFF or PPM"
	}
	return ""
}

// flagHint returns the library's hint and the flag or command that carries it out, or "".
func flagHint(err error) string {
	if target := (*convert.TargetError)(nil); errors.As(err, &target) && len(target.Endings) > 0 {
		return "add --format FORMAT or --to SCHEME, or let the name end in " + text.Or(target.Endings) + ", or in / for a Hugging Face folder"
	}
	if target := (*convert.TargetError)(nil); errors.As(err, &target) && target.MaskToken {
		return target.Hint() + "; the flags are --headless --drop '*mask_token'"
	}
	if lossy := (*convert.LossyStepsError)(nil); errors.As(err, &lossy) {
		return "leave out --prove, or say that these may lose something: --lossy " + strings.Join(slices.Concat(lossy.Allowed, lossy.Names()), ",")
	}
	if wrong := (*adapt.OptionsError)(nil); errors.As(err, &wrong) && adaptFlagOf[wrong.Option] != "" {
		return wrong.Hint() + "; the flag is " + adaptFlagOf[wrong.Option]
	}
	if wrong := (*checkpoint.Error)(nil); errors.As(err, &wrong) && len(wrong.Keys) > 0 {
		return wrong.Hint() + "; the flag is " + selectFlag(err) + " KEY"
	}
	for _, f := range flagHints {
		if f.matches(err) {
			return strings.TrimPrefix(errdef.Hint(err)+"; "+f.add, "; ")
		}
	}
	return ""
}

var flagHints = []struct {
	matches func(error) bool
	add     string
}{
	{isA[*classify.NotFiniteError](nil), "the flag is --dtype f32"},
	{isA[*convert.LostValuesError](nil), "the flag is --allow-lost-values"},
	{isA[*adapt.WindowError](nil), "the flag is --resize timm"},
	{isA[*adapt.SizeError](nil), "the flag is --image-size SIZE"},
	{isA[*recording.Error](nil), "beitzoo record --script torch prints one"},
	{isA[*verify.NoInputError](nil), "beitzoo record --script torch prints one"},
	{isA[*recording.StagesError](nil), "the flag is --stages"},
	{isA(func(e *verify.NothingToRestoreError) bool { return hasEither(e.Remaining) }), "the flag is --trust-reference"},
	{isA(func(e *verify.NotRepairedError) bool { return hasEither(e.Remaining) }), "the flag is --trust-reference"},
	{isA(func(e *verify.NothingToRestoreError) bool { return hasEpsilon(e.Remaining) }), "the flag is --epsilon"},
	{isA(func(e *verify.NotRepairedError) bool { return hasEpsilon(e.Remaining) }), "the flag is --epsilon"},
	{isA[*convert.RecordingError](nil), "the command is: beitzoo verify MODEL --recording FILE"},
	{is(trust.ErrPassword), "type it again, or correct " + passwordVariable + " (for a new key " + newPasswordVariable + "), or take another copy of the key"},
	{isA(func(e *classify.RecipeSizeError) bool { return e.RecipeFrom == card.Asked }), "name a recipe for the size of the model with --recipe SOURCE, or leave --recipe out"},
	{is(card.ErrNoRecipe), "the flag is --recipe SOURCE"},
	{is(card.ErrNotRGB), "such a model can be converted, verified and published without a recipe: leave out --recipe"},
	{is(card.ErrNotSquare), "image files are made into square images only; such a model can be converted, verified and published, without --recipe"},
	{isA[*classify.RecipeSizeError](nil), "compare config.json and preprocessor_config.json beside the weights, or name a recipe for this size with --recipe SOURCE"},
	{isA(func(e *segmentation.LayoutError) bool { return e.Unplaced }), "the flag is --labels-dir FOLDER"},
	{isA(func(e *segmentation.LayoutError) bool { return e.Unsplit }), "the flags are --split NAME and --labels-dir FOLDER"},
	{isA(func(e *segmentation.DataError) bool {
		return e.Has(segmentation.Unlabelled) || e.Has(segmentation.Unpictured)
	}), "the flag is --allow-unpaired"},
	{isA(func(e *segmentation.DataError) bool {
		return e.Has(segmentation.Beyond) && !e.Labelling.ReduceZeroLabel
	}), "the flags are --reduce-zero-label on and --ignore-index NUMBER"},
	{isA(func(e *segmentation.DataError) bool { return e.Has(segmentation.Beyond) }), "the flag is --reduce-zero-label off"},
	{isA(func(e *segmentation.UncountedError) bool { return e.Labelling.ReduceZeroLabel }), "the flag is --reduce-zero-label off"},
	{isA[*segmentation.UncountedError](nil), "the flag is --ignore-index NUMBER"},
	{isA(func(e *dataset.NoImagesError) bool { return e.Flat > 0 }), "the flag is --truth FILE"},
	{isA(func(e *probe.ClassesError) bool { return e.TooFew() }), "the flags are --folds N and --penalty FACTOR"},
	{isA[*probe.ConvergenceError](nil), "the flag is --penalty FACTOR"},
	{isA(func(e *dataset.ListError) bool { return e.Unrooted }), "the flag is --root FOLDER"},
	{isA(func(e *dataset.RealError) bool { return e.Nameless }), "the flag is --labels imagenet-1k"},
	{isA(func(e *dataset.MismatchError) bool { return e.Unsure != "" }), "the flags are --labels FILE, --class-map FILE and --match order"},
	{isA(func(e *dataset.MismatchError) bool { return e.Likely != "" }), "the flags are --labels and --class-map FILE"},
	{isA(func(e *dataset.MismatchError) bool { return e.Nameless }), "the flags are --labels FILE and --class-map FILE"},
	{isA[*dataset.MismatchError](nil), "the flag is --class-map FILE"},
	{isA[*convert.SelectError](nil), "the flag is --select KEY"},
}

// isA returns a function that reports whether an error is an E for which more, if it is not nil, is true.
func isA[E error](more func(E) bool) func(error) bool {
	return func(err error) bool {
		var target E
		return errors.As(err, &target) && (more == nil || more(target))
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// systemHints are for errors of the system, which have no hints of their own.
var systemHints = []struct {
	cause error
	hint  string
}{
	{store.ErrInvalid, "it is not what beitzoo writes, or not all of it: get it again; a bundle is made with: beitzoo bundle NAME -o FILE"},
	{engine.ErrUnavailable, "see what this machine has with: beitzoo doctor"},
	{tensor.ErrFault, "leave the files alone while the command runs, and run it again; to replace one, write another and rename it"},
	{syscall.ENOSPC, "free space on that disk, or write to another one with -o"},
	{syscall.EDQUOT, "free space within your quota, or write to another disk with -o"},
	{fs.ErrNotExist, "check the path"},
	{fs.ErrPermission, "check the permissions of the file and of its folder"},
	{syscall.EISDIR, "that is a folder: name a file"},
	{syscall.ENOTDIR, "a part of the path is a file, not a folder: check the path"},
	{syscall.ENAMETOOLONG, "no file has such a long name: check the path"},
	{syscall.EINVAL, "no file has such a name: check the path"},
}
