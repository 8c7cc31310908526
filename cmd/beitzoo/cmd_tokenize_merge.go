package main

import (
	"cmp"
	"context"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/tokens"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

func tokenizeMergeCommand(c *console) *cli.Command {
	var target tokenTarget
	return &cli.Command{
		Name:      "merge",
		Usage:     "put the tokens of all parts of the pictures into one file",
		ArgsUsage: "PART... -o FILE",
		Description: about("Each PART is what `beitzoo tokenize --shard PART` wrote, in either format. The file is that of the whole, to the byte. Parts of another tokenizer,\n"+
			"recipe or list of pictures are refused, and so are parts that are missing or there twice.",
			"beitzoo tokenize merge part-*.safetensors -o train.safetensors",
			"beitzoo tokenize merge train.safetensors -o train.jsonl",
		),
		Flags: c.flags(target.flags()),
		Action: action(func(_ context.Context, args []string) error {
			return tokenizeMerge(c, args, target)
		}),
	}
}

// mergedTokens is what `beitzoo tokenize merge --json` prints.
type mergedTokens struct {
	Output     string        `json:"output"`
	Form       tokens.Form   `json:"format"`
	Shape      tensor.Shape  `json:"shape"`
	Vocabulary int           `json:"vocabulary"`
	Parts      []string      `json:"parts"`
	Unread     []unreadImage `json:"unread"`
}

func tokenizeMerge(c *console, parts []string, target tokenTarget) error {
	form, err := target.check()
	if err != nil {
		return err
	}
	if err := (&inputs{paths: parts}).checkApart(target.output); err != nil {
		return err
	}
	isTokens := func(path string) (bool, error) {
		file, err := tokens.Open(path)
		if err != nil {
			return false, nil // whatever it is
		}
		return true, file.Close()
	}
	if err := (&inputs{paths: parts}).check(target.output, "a file of visual tokens", isTokens); err != nil {
		return err
	}
	merged, err := tokens.Merge(target.output, form, parts...)
	if err != nil {
		return err
	}
	config := merged.Header.Tokenizer.Config
	result := mergedTokens{target.output, form, tensor.Shape{merged.Images, config.Patches()}, config.Vocabulary(), parts, []unreadImage{}}
	unread := &classify.UnreadError{Total: merged.Images + len(merged.Unread)}
	for _, r := range merged.Unread {
		failure := &preprocess.FileError{Path: r.Image, Err: errdef.New(errdef.ErrInput, r.Error)}
		unread.Failures, result.Unread = append(unread.Failures, failure), append(result.Unread, unreadOf(failure))
	}
	printed := c.result(result, func() {
		c.printf("%s: tokens of %s, from %s", text.Name(result.Output), text.Count(merged.Images, "picture", "pictures"), text.Count(len(parts), "part", "parts"))
	})
	return cmp.Or(printed, orNone(unread))
}
