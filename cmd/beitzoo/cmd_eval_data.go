package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// sourceFlags say where images are whose classes are known, and which logit stands for each of these.
type sourceFlags struct{ truth, root, classMap, match string }

// dataFlags are those of an evaluation.
type dataFlags struct {
	sourceFlags
	among, real string
	dryRun      bool
}

// The words of --among that are no file.
const (
	amongAll = "all"
	amongOwn = "data"
)

func (f *sourceFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{
			Name: "truth", Destination: &f.truth, Category: dataSection,
			Usage: "take the right classes of a folder of images from this `FILE`: names and classes, such as LOC_val_solution.csv or val.txt, " +
				"or ILSVRC2012_validation_ground_truth.txt of ImageNet's development kit",
		},
		&cli.PathFlag{Name: "root", Destination: &f.root, Category: dataSection, DefaultText: "that of the list", Usage: "the paths of a list start in this `FOLDER`"},
		&cli.PathFlag{
			Name: "class-map", Destination: &f.classMap, Category: dataSection,
			Usage: "take from this `FILE` which class of the model each class of the data is: names in the order of the logits, a JSON object from name to number, " +
				"or two columns, in which - leaves a class out",
		},
		&cli.StringFlag{
			Name: "match", Destination: &f.match, Category: dataSection, DefaultText: "the first that fits all classes",
			Usage: "match the classes of the data with those of the model by this `WAY`: " + strings.Join(wayWords(), ", "),
		},
	}
}

func (f *dataFlags) flags() []cli.Flag {
	return append(f.sourceFlags.flags(),
		&cli.StringFlag{
			Name: "among", Destination: &f.among, Category: dataSection, DefaultText: amongAll,
			Usage: "seek answers among `WHICH` classes: " + amongAll + " of the model, those of the " + amongOwn + ", as is usual for ImageNet-A and -R, " +
				"or those named in a file, a line each",
		},
		&cli.PathFlag{
			Name: "real-labels", Destination: &f.real, Category: dataSection,
			Usage: "score ImageNet's validation set by the labels in this `FILE` as well, which were collected again: real.json of google-research/reassessed-imagenet",
		},
		boolFlag("dry-run", &f.dryRun, "say what would be classified, and how the classes were matched, and run nothing"),
	)
}

func wayWords() []string {
	var words []string
	for _, way := range dataset.Ways() {
		words = append(words, string(way))
	}
	return words
}

// open lists the data set that the arguments name.
func (f *sourceFlags) open(ctx context.Context, sources []string) (*dataset.Collection, error) {
	if f.match != "" && !slices.Contains(wayWords(), f.match) {
		return nil, &usageError{fmt.Sprintf("--match %s is unknown", text.Quote(f.match)), suggest.Hint(suggest.Nearest(f.match, wayWords()), wayWords())}
	}
	if f.match != "" && f.classMap != "" {
		return nil, &usageError{"--match and --class-map exclude each other", "leave out --match: a class map says it"}
	}
	found, err := dataset.Open(ctx, sources, dataset.Options{Truth: f.truth, Root: f.root, Stdin: os.Stdin})
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) && slices.Contains(sources, missing.Path) {
		return nil, &missingError{imageFolder, err}
	}
	if err == nil && f.root != "" && found.Kind() != dataset.ListFile {
		return nil, &usageError{"--root has no effect: " + text.Name(found.Source()) + " is not a list", "leave it out; it says where the paths of a list start"}
	}
	return found, err
}

// matching returns how the flags match classes.
func (f *sourceFlags) matching() (o dataset.Matching, err error) {
	o.Way = dataset.Way(f.match)
	if f.classMap != "" {
		o.Map, err = dataset.ReadClassMap(f.classMap)
	}
	return o, err
}

// match matches a data set with a model.
func (f *dataFlags) matchWith(ctx context.Context, found *dataset.Collection, model *beitzoo.Model) (dataset.Set, error) {
	o, err := f.matching()
	if err != nil {
		return nil, err
	}
	o.OwnClasses = f.among == amongOwn
	if f.among != "" && f.among != amongAll && f.among != amongOwn {
		if o.Among, err = dataset.ReadNames(f.among); err != nil {
			return nil, err
		}
	}
	if f.real != "" {
		if o.Real, err = dataset.ReadRealLabels(f.real); err != nil {
			return nil, err
		}
	}
	return found.Match(ctx, dataset.Model{Classes: model.Classifier.Config().Classes, Labels: model.Labels()}, o)
}

// wayTexts say by what classes were matched.
var wayTexts = map[dataset.Way]string{
	dataset.ByLabel: "by their names", dataset.ByWordNet: "by WordNet id", dataset.ByNumber: "by number", dataset.ByOrder: "by order", dataset.ByMap: "by the class map",
}

// mappingText says how many classes a data set has, and by what they were matched.
func mappingText(source string, way dataset.Way, classes int) string {
	return fmt.Sprintf("data %s: %s, matched %s", text.Name(source), text.Count(classes, "class", "classes"), wayTexts[way])
}

// evalPlan is what `beitzoo eval --dry-run --json` prints.
type evalPlan struct {
	classifierFacts
	Source string       `json:"source"`
	Kind   dataset.Kind `json:"kind"`
	// Images is the number of images of the part; -1 if only the end tells.
	Images     int            `json:"images"`
	Digest     string         `json:"data_digest"`
	Way        dataset.Way    `json:"classes_by"`
	Classes    []plannedClass `json:"classes"`
	Candidates []int          `json:"candidates,omitempty"`
	Notes      []string       `json:"notes"`
}

// plannedClass is a class of the data and the logit that stands for it.
type plannedClass struct {
	Name  string `json:"name"`
	Class int    `json:"class"`
	Label string `json:"label,omitempty"`
}

// planEval says what an evaluation would run.
func planEval(c *console, argument string, model *beitzoo.Model, found *dataset.Collection, whole, part dataset.Set) error {
	classes := whole.Classes()
	facts := factsOf(argument, model)
	plan := evalPlan{
		classifierFacts: facts, Source: whole.Source(), Kind: found.Kind(), Images: part.Len(), Digest: whole.Digest(), Way: classes.Way, Candidates: classes.Candidates,
		Notes: append([]string{}, whole.Notes()...),
	}
	for i, name := range classes.Names {
		planned := plannedClass{Name: name, Class: classes.Logits[i]}
		if planned.Class < len(model.Labels()) {
			planned.Label = model.Labels()[planned.Class]
		}
		plan.Classes = append(plan.Classes, planned)
	}
	return c.result(plan, func() {
		c.printf("%s: %s", argument, facts.line(model.Labels()))
		c.printf("%s", mappingText(plan.Source, plan.Way, len(plan.Classes)))
		for i, planned := range plan.Classes {
			if i == mostPlanned {
				c.printf("  and %d more (--json has all)", len(plan.Classes)-i)
				break
			}
			c.printf("  %-24s class %d%s", text.Line(text.Shorten(planned.Name, 60)), planned.Class, labelSuffix(planned.Label))
		}
		images := "as many images as they have"
		if plan.Images >= 0 {
			images = text.Count(plan.Images, "image", "images")
		}
		c.printf("would classify %s of %s; nothing was run (--dry-run)", images, plan.Kind)
	})
}

// mostPlanned is how many classes a plan prints.
const mostPlanned = 20

func labelSuffix(label string) string {
	if label == "" {
		return ""
	}
	return ", " + text.Line(label)
}
