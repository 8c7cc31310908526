package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/text"
)

// The groups of flags in flags_*.go are structs whose fields the library fills before it runs a command. Functions get these values, never a
// *cli.Context, so that a name such as "dtype" is written once: where the flag is declared. Each command declares structs of its own.

// Sections of the help. Flags that only one command has are in no section, and come first.
const (
	modelSection  = "Model"
	engineSection = "Engine"
	zooSection    = "Zoo"
	dataSection   = "Data"
	// segmentationSection is in the help of eval alone.
	segmentationSection = "Segmentation"
	adaptSection        = "Change"
	// referenceSection is in the help of verify alone.
	referenceSection = "Reference"
)

// flags joins groups of flags, and adds --json and --quiet.
func (c *console) flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, group := range groups {
		all = append(all, group...)
	}
	return append(all, c.jsonFlag(), &cli.BoolFlag{
		Name: "quiet", Aliases: []string{"q"}, Destination: &c.quiet, DisableDefaultText: true, Usage: "print neither progress nor notes",
	})
}

func (c *console) jsonFlag() cli.Flag {
	return boolFlag("json", &c.asJSON, "print the result as one JSON document, and progress as JSON events")
}

func boolFlag(name string, destination *bool, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Destination: destination, DisableDefaultText: true, Usage: usage}
}

func stringFlag(name string, destination *string, usage string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Destination: destination, Usage: usage}
}

// flagValue matches what the library says about a value that it cannot read.
var flagValue = regexp.MustCompile(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-([^:]+): (.*)$`)

// valueProblem returns the error for a value that the library cannot read, in words of people, or nil if the message is about something else.
func valueProblem(flags []cli.Flag, message string) error {
	parts := flagValue.FindStringSubmatch(message)
	if parts == nil {
		return nil
	}
	value, err := strconv.Unquote(parts[1])
	if err != nil {
		return nil
	}
	name := "--" + parts[2]
	documented, ok := flagNamed(flags, parts[2]).(cli.DocGenerationFlag)
	if !ok {
		return nil
	}
	what, such := "is not a value that it takes", placeholder(documented)
	switch documented.(type) {
	case *cli.IntFlag:
		what, such = "is not a whole number", "4"
	case *cli.Uint64Flag:
		what, such = "is not a whole number of 0 or more", "4"
	case *cli.IntSliceFlag:
		what, such = "is not a list of whole numbers", "1,8"
	case *cli.Float64Flag:
		what, such = "is not a number", "1e-6"
	case *cli.TimestampFlag:
		what, such = "is not a date", "2030-12-31"
	case *cli.BoolFlag:
		return &usageError{name + " takes no value", "write " + name + ", or leave it out"}
	}
	if strings.Contains(parts[3], "out of range") {
		what = "is too large"
	}
	return &usageError{fmt.Sprintf("%s %s %s", name, text.Quote(value), what), fmt.Sprintf("write it as in: %s %s", name, such)}
}

// countFlag returns a flag for a number that must be positive if it is given. Messages call the flag by its name and its aliases. The default is
// the value that destination has; if that is 0, otherwise says in the help what happens without the flag.
func countFlag(name string, destination *int, otherwise, usage string, aliases ...string) *cli.IntFlag {
	called := "--" + strings.Join(append([]string{name}, aliases...), " or --")
	return &cli.IntFlag{Name: name, Aliases: aliases, Value: *destination, Destination: destination, DefaultText: otherwise, Usage: usage, Action: positive(called)}
}

// positive returns the check, which the library calls for a flag that was given, that the number is above 0.
func positive(called string) func(*cli.Context, int) error {
	return func(_ *cli.Context, value int) error {
		if value > 0 {
			return nil
		}
		return &usageError{fmt.Sprintf("%s %d is not positive", called, value), fmt.Sprintf("give a number above 0, or leave out %s", called)}
	}
}

// between is like positive, for a number that has a least and a largest value.
func between(called string, least, largest int) func(*cli.Context, int) error {
	return func(_ *cli.Context, value int) error {
		if value >= least && value <= largest {
			return nil
		}
		return &usageError{fmt.Sprintf("%s %d is not between %d and %d", called, value, least, largest), "give a number in that range, or leave out " + called}
	}
}

// positiveEach is like positive, for a flag with a list of numbers.
func positiveEach(called string) func(*cli.Context, []int) error {
	return func(ctx *cli.Context, values []int) error {
		if len(values) == 0 {
			return nil
		}
		return positive(called)(ctx, slices.Min(values))
	}
}

// notNegative is like positive, for a number that may be 0.
func notNegative(name string) func(*cli.Context, int) error {
	return func(_ *cli.Context, value int) error {
		if value >= 0 {
			return nil
		}
		return &usageError{fmt.Sprintf("--%s %d is negative", name, value), fmt.Sprintf("give 0 or more, or leave out --%s", name)}
	}
}

// required returns an error if a flag that must be given has no value.
func required(name, placeholder, value string) error {
	if value != "" {
		return nil
	}
	return &usageError{"--" + name + " is missing", fmt.Sprintf("add: --%s %s", name, placeholder)}
}

// words returns the values of a flag that may be repeated. An empty environment variable counts as not set.
func words(values cli.StringSlice) []string {
	var given []string
	for _, word := range values.Value() {
		if word != "" {
			given = append(given, word)
		}
	}
	return given
}
