package main

import (
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// efforts are the values of --search.
var efforts = map[string]blame.Effort{"quick": blame.Quick, "normal": blame.Normal, "all": blame.All()}

func searchFlag(destination *string) cli.Flag {
	return &cli.StringFlag{
		Name: "search", Destination: destination, DefaultText: "normal",
		Usage: "how `LONG` to look for the reason where the reference lacks activations: quick, normal or all",
	}
}

// effortOf returns the effort of that name, that of an empty one is the default.
func effortOf(name string) (blame.Effort, error) {
	effort, known := efforts[name]
	if !known && name != "" {
		names := slices.Sorted(maps.Keys(efforts))
		return 0, &usageError{"--search has no value " + text.Quote(name), suggest.Hint(suggest.Nearest(name, names), names)}
	}
	return effort, nil
}

// searchHint says how to look further if the search ended before its end.
func searchHint(result *verify.Result, asked string) string {
	if asked == "all" || !slices.ContainsFunc(result.Remarks, func(r verify.Remark) bool { return r.Code == verify.SearchBounded }) {
		return ""
	}
	return "a recording with activations shows where it is; --search all tries everything from these alone, which may take long"
}
