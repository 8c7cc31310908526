package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionScripts ask the program itself for the words that may follow.
var completionScripts = map[string]string{
	"bash": `_beitzoo() {
  local words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _beitzoo beitzoo`,
	"zsh": `#compdef beitzoo
_beitzoo() {
  local -a candidates
  candidates=("${(@f)$("${words[@]:0:#words[@]-1}" --generate-bash-completion 2>/dev/null)}")
  _describe 'values' candidates || _files
}
compdef _beitzoo beitzoo`,
	"fish": `complete -c beitzoo -a '(commandline -opc | string join " " | read -l line; eval $line --generate-bash-completion 2>/dev/null)'`,
}

func completionCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell: bash, zsh or fish",
		ArgsUsage: "SHELL",
		Description: about("The script asks the program itself for the words that may follow.",
			"beitzoo completion bash >> ~/.bashrc",
		),
		Action: action(func(_ context.Context, args []string) error {
			script, ok := completionScripts[args[0]]
			if !ok {
				return &usageError{fmt.Sprintf("no completion for the shell %q", args[0]), "shells are bash, zsh and fish"}
			}
			c.printf("%s", strings.TrimSpace(script))
			return nil
		}),
	}
}
