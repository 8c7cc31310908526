package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/beitzoo/beitzoo/internal/suggest"
)

// completionFiles are the scripts. They only ask the program and show what it answers; see complete.go.
//
//go:embed completion
var completionFiles embed.FS

// completionScripts has the file with the script of each shell.
var completionScripts = map[string]string{
	"bash": "beitzoo.bash", "zsh": "beitzoo.zsh", "fish": "beitzoo.fish", "powershell": "beitzoo.ps1",
}

func completionCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script with which a shell completes commands, flags, values and names",
		ArgsUsage: "SHELL",
		Description: about("SHELL is bash, zsh, fish or powershell. On each TAB the script asks the program what may follow. Names of the zoo are those that the program\n"+
			"and the places that were used before have: nothing is fetched. What stands on the line is never run. In PowerShell, put the last line below\n"+
			"into the file $PROFILE.",
			"beitzoo completion bash > ~/.local/share/bash-completion/completions/beitzoo",
			"beitzoo completion bash >> ~/.bashrc",
			"beitzoo completion zsh > ~/.zfunc/_beitzoo",
			"beitzoo completion fish > ~/.config/fish/completions/beitzoo.fish",
			"beitzoo completion powershell | Out-String | Invoke-Expression",
		),
		Action: action(func(_ context.Context, args []string) error {
			file, ok := completionScripts[args[0]]
			if !ok {
				return unknownShell(args[0])
			}
			script, err := fs.ReadFile(completionFiles, "completion/"+file)
			if err != nil {
				return err
			}
			_, err = c.out.Write(script)
			return err
		}),
	}
}

func unknownShell(name string) error {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &usageError{fmt.Sprintf("no completion for the shell %q", name), suggest.Hint(suggest.Nearest(strings.ToLower(name), shells), shells)}
}

// answerCompletion prints what may stand where the cursor is. arguments are those after completeCommand: the name of a shell, and what its script passes.
func answerCompletion(c *console, app *cli.App, arguments []string) error {
	if len(arguments) == 0 {
		return &usageError{"SHELL is missing", "the scripts of `beitzoo completion` call this"}
	}
	answer, ok := completionShells[arguments[0]]
	if !ok {
		return unknownShell(arguments[0])
	}
	_, err := fmt.Fprint(c.out, answer(app, arguments[1:]))
	return err
}
