//go:build shells && linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The tests in this file type into real shells. `make test-shells` installs them.

// interactive is a shell as a user starts it, with the completion of beitzoo installed as the documentation says.
type interactive struct {
	name string
	// args start the shell; install is the file for the script, below the home folder.
	args    []string
	install string
	// config has other files below the home folder.
	config map[string]string
	// recorder defines a function beitzoo that writes its arguments to the file $RECORD, each with a zero byte behind it.
	recorder string
}

const posixRecorder = `beitzoo() { printf '%s\0' "$@" >"$RECORD.part"; mv "$RECORD.part" "$RECORD"; }`

var interactiveShells = []interactive{
	{
		name: "bash", args: []string{"bash", "--noprofile", "-i"}, install: "beitzoo.bash",
		config: map[string]string{".bashrc": "shopt -s failglob\nset -u\nsource ~/beitzoo.bash\n" + posixRecorder},
	},
	{
		name: "bash with bash-completion", args: []string{"bash", "--noprofile", "-i"}, install: ".local/share/bash-completion/completions/beitzoo",
		config: map[string]string{".bashrc": "source /usr/share/bash-completion/bash_completion\n" + posixRecorder},
	},
	{
		name: "zsh", args: []string{"zsh", "-o", "NO_GLOBAL_RCS", "-i"}, install: ".zfunc/_beitzoo",
		config: map[string]string{".zshrc": "fpath=(~/.zfunc $fpath)\nautoload -Uz compinit\ncompinit -u\nPS1='> '\n" + posixRecorder},
	},
	{
		name: "zsh with completion alone on the key", args: []string{"zsh", "-o", "NO_GLOBAL_RCS", "-i"}, install: "beitzoo.zsh",
		config: map[string]string{".zshrc": "autoload -Uz compinit\ncompinit -u\nsource ~/beitzoo.zsh\nbindkey '^I' complete-word\nPS1='> '\n" + posixRecorder},
	},
	{
		name: "fish", args: []string{"fish", "-i"}, install: ".config/fish/completions/beitzoo.fish",
		config: map[string]string{
			".config/fish/config.fish": "function beitzoo; printf '%s\\0' $argv >$RECORD.part; mv $RECORD.part $RECORD; end\nset -g fish_greeting\n",
			// If this folder is there, fish does not begin to make completions out of all manual pages of the machine.
			".local/share/fish/generated_completions/none.fish": "",
		},
	},
}

// builtProgram builds the program and returns the folder that it is in.
var builtProgram = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "beitzoo-shells")
	if err != nil {
		return "", err
	}
	output, err := exec.Command("go", "build", "-o", filepath.Join(folder, "beitzoo"), ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, output)
	}
	return folder, err
})

// environment returns the environment of a shell with an empty home folder and the program on its path.
func environment(t *testing.T, home string) []string {
	t.Helper()
	bin, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "BEITZOO_HOME=" + filepath.Join(home, "beitzoo"),
		"RECORD=" + filepath.Join(home, "record"), "INPUTRC=/dev/null", "HISTFILE=/dev/null", "XDG_DATA_HOME=" + filepath.Join(home, ".local/share"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, ".config"),
	}
}

// writeBelow writes a file in a folder that need not exist.
func writeBelow(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// script returns what `beitzoo completion SHELL` prints. The first word of a shell's name is what it is called.
func script(t *testing.T, shell string) string {
	t.Helper()
	bin, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	shell, _, _ = strings.Cut(shell, " ")
	output, err := exec.Command(filepath.Join(bin, "beitzoo"), "completion", shell).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// terminal is a shell on a pseudo-terminal.
type terminal struct {
	t      *testing.T
	master *os.File
	record string
	// folder is where the shell is.
	folder string

	lock   sync.Mutex
	screen bytes.Buffer
}

// openTerminal starts a shell in an empty folder and waits until it takes commands.
func openTerminal(t *testing.T, shell interactive) *terminal {
	t.Helper()
	home, folder := t.TempDir(), t.TempDir()
	writeBelow(t, home, shell.install, script(t, shell.name))
	for name, content := range shell.config {
		writeBelow(t, home, name, content)
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 100, Col: 200}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell.args[0], shell.args[1:]...)
	cmd.Dir, cmd.Env = folder, environment(t, home)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s := &terminal{t: t, master: master, record: filepath.Join(home, "record"), folder: folder}
	go s.read()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		master.Close()
		if t.Failed() {
			t.Logf("the screen:\n%s", s.shown())
		}
	})
	s.typed("beitzoo ready\r")
	return s
}

func (s *terminal) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.master.Read(buffer)
		s.lock.Lock()
		s.screen.Write(buffer[:n])
		s.lock.Unlock()
		if err != nil {
			return
		}
	}
}

// escapes matches the sequences that move the cursor, set colours, and so on.
var escapes = regexp.MustCompile("\x1b(\\[[0-9;?>=]*[A-Za-z]|\\][^\a]*\a|[()][A-Z0-9]|[=>78])")

// shown returns all text that was written to the screen since the last call of typed.
func (s *terminal) shown() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return escapes.ReplaceAllString(s.screen.String(), "")
}

// typed types keys, among which must be one return that calls the function beitzoo, and returns the arguments that it was called with.
func (s *terminal) typed(keys string) []string {
	s.t.Helper()
	os.Remove(s.record)
	s.lock.Lock()
	s.screen.Reset()
	s.lock.Unlock()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if content, err := os.ReadFile(s.record); err == nil {
			return strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
		}
	}
	s.t.Fatalf("after %q nothing was called; the screen: %s", keys, s.shown())
	return nil
}

// eachShell runs a test in every shell.
func eachShell(t *testing.T, test func(t *testing.T, s *terminal, shell string)) {
	for _, shell := range interactiveShells {
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			test(t, openTerminal(t, shell), shell.name)
		})
	}
}

// Keys: the cursor to the left, and the line away. Not Ctrl-C: keys that follow while the shell is still busy with it are lost.
const left, killLine = "\x1b[D", "\x15"

// list types keys after which the shell lists something, and returns the screen once all that is wanted stands there, or after a time. Then the line is away.
func (s *terminal) list(keys string, wanted []string) string {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	missing := func(want string) bool { return !strings.Contains(s.shown(), want) }
	for end := time.Now().Add(30 * time.Second); slices.ContainsFunc(wanted, missing) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	shown := s.shown()
	s.typed(killLine + "beitzoo done\r")
	return shown
}

func TestShells_Complete(t *testing.T) {
	eachShell(t, func(t *testing.T, s *terminal, shell string) {
		writeBelow(t, s.folder, "my model.pth", "")
		writeBelow(t, s.folder, "other.txt", "")
		writeBelow(t, s.folder, "deep er/inner.pth", "")
		for _, c := range []struct {
			name, keys string
			want       []string
		}{
			{"a command", "conv\tA", []string{"convert", "A"}},
			{"a subcommand", "cache pru\t--dry-r\t", []string{"cache", "prune", "--dry-run"}},
			{"a flag", "convert --prov\t", []string{"convert", "--prove"}},
			{"in the middle of the line", "convert --prov A" + left + left + "\t", []string{"convert", "--prove", "A"}},
			{"a value", "convert A --to h\t", []string{"convert", "A", "--to", "hf"}},
			{"after an equals sign", "convert A --to=paddlev\t", []string{"convert", "A", "--to=paddlevit"}},
			{"in quotes", "convert A --to \"paddlev\t", []string{"convert", "A", "--to", "paddlevit"}},
			{"after words with blanks", "convert 'a  b' \"c d\" e\\ f --format safe\t", []string{"convert", "a  b", "c d", "e f", "--format", "safetensors"}},
			{"with a colon", "verify M --device cuda:0 --dty\tbf\t", []string{"verify", "M", "--device", "cuda:0", "--dtype", "bf16"}},
			{"a value with a colon", "verify M --device cuda:1\t", []string{"verify", "M", "--device", "cuda:1"}},
			{"a list", "bench M --dtype f32,b\t", []string{"bench", "M", "--dtype", "f32,bf16"}},
			{"an architecture", "synth tiny_mim\t", []string{"synth", "tiny_mim_p16_64"}},
			{"a name of the zoo", "pull dig\t", []string{"pull", "digits_p16_64"}},
			{"its version", "pull digits_p16_64@\t", []string{"pull", "digits_p16_64@1.0.0"}},
			{"a shell", "completion z\t", []string{"completion", "zsh"}},
			{"a checkpoint", "convert my\t--to h\t", []string{"convert", "my model.pth", "--to", "hf"}},
			{"in a folder", "convert dee\tinn\t", []string{"convert", "deep er/inner.pth"}},
			{"in open quotes", "convert 'my\t", []string{"convert", "my model.pth"}},
			{"a file of an alias", "convert A -o oth\t", []string{"convert", "A", "-o", "other.txt"}},
			{"a file after an equals sign", "convert A --output=oth\t", []string{"convert", "A", "--output=other.txt"}},
			{"a file of another ending", "convert oth\t", []string{"convert", "other.txt"}},
			{"a folder", "eval M dee\t", []string{"eval", "M", "deep er"}},
			{"an argument after two dashes", "convert -- my\t", []string{"convert", "--", "my model.pth"}},
			{"after an assignment", "X=1 beitzoo conv\tA", []string{"convert", "A"}},
			{"after another command", "true; beitzoo conv\tA", []string{"convert", "A"}},
			{"behind a pipe", "echo beitzoo | beitzoo conv\tA", []string{"convert", "A"}},
			{"after a redirection", "beitzoo 2>/dev/null conv\tA", []string{"convert", "A"}},
		} {
			if !strings.Contains(c.keys, "beitzoo") {
				c.keys = "beitzoo " + c.keys
			}
			got := s.typed(c.keys + "\r")
			for i, word := range got {
				got[i] = strings.TrimSuffix(word, "/") // zsh takes the slash behind a folder away
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %q: %s", c.name, c.keys, diff)
			}
		}
	})
}

// hostileNames are names of files that run a command where one forgets to quote them, or mean something else than what they say. Each begins with two letters
// that no other has.
var hostileNames = []string{
	"aa$(touch pwned).pth", "bb`touch pwned`.pth", "cc; touch pwned.pth", "dd\ntouch pwned.pth", "ee'; touch pwned; '.pth", `ff"; touch pwned; ".pth`,
	"gg h  i.pth", "hé日本.pth", "ii|touch pwned.pth", "jj&touch pwned.pth", "kk>pwned.pth", "ll#x.pth", "mm*?[x].pth", "nn{a,b}.pth", "oo!x.pth", `pp\x\\.pth`,
	"qq$HOME.pth", "rr(touch pwned).pth", "ss<(touch pwned).pth", "tt=(touch pwned).pth", "uu~.pth", "vv^x%y@z:.pth", "ww\ttab.pth", "xx\x1b[31m.pth", "-yy.pth", "zz${x:=$(touch pwned)}.pth",
}

func TestShells_HostileNames(t *testing.T) {
	eachShell(t, func(t *testing.T, s *terminal, shell string) {
		for _, name := range hostileNames {
			writeBelow(t, s.folder, name, "")
		}
		for _, name := range hostileNames {
			if strings.Contains(name, "\t") && shell == "fish" {
				continue // fish itself does not complete such names, whatever the command
			}
			start := string([]rune(name)[:2])
			if got := s.typed("beitzoo convert -- " + start + "\t\r"); len(got) != 3 || got[2] != name {
				t.Errorf("convert -- %s completes %q as %q", start, name, got)
			}
			if name[0] == '-' {
				start = "./" + start
			}
			if got := s.typed("beitzoo publish A " + start + "\t\r"); len(got) != 3 || filepath.Clean(got[2]) != name {
				t.Errorf("publish A %s completes %q as %q", start, name, got)
			}
			if got := s.typed("beitzoo convert A -o " + start + "\t\r"); len(got) != 4 || filepath.Clean(got[3]) != name {
				t.Errorf("convert A -o %s completes %q as %q", start, name, got)
			}
		}
		s.list("beitzoo convert -- \t\t", []string{"aa", "bb", "rr", "zz"})
		checkNothingRan(t, s.folder)
	})
}

// TestShells_HostileLines presses the tabulator on lines that run something if anybody but the user lets the shell do it.
func TestShells_HostileLines(t *testing.T) {
	eachShell(t, func(t *testing.T, s *terminal, shell string) {
		words := []string{
			"'x; touch pwned'", `"$(touch pwned)"`, "$(touch pwned)", "`touch pwned`", "\"`touch pwned`\"", "(touch pwned)", "<(touch pwned)", "=(touch pwned)", "${x:=$(touch pwned)}",
			"$((a[$(touch pwned)]))", "*(e:'touch pwned':)", "x\\;touch\\ pwned", "$'$(touch pwned)'", "{a,$(touch pwned)}", "~$(touch pwned)", "!touch",
			"x\\\\`touch pwned`", "\"x$(touch pwned)\"", "a$b[$(touch pwned)]",
		}
		for _, word := range words {
			lines := []string{"convert " + word + " --to \t\t", "pull --zoo " + word + " \t\t", word + " \t\t"}
			if shell != "zsh" { // its usual key first expands the word that the cursor is in, with or without a completion: zsh runs what the user typed there
				lines = append(lines, "convert "+word+"\t\t", "convert "+word+"/\t\t", "convert --output="+word+"\t\t", "eval A "+word+"\t\t", "convert "+word[:len(word)-1]+"\t\t")
			}
			for _, line := range lines {
				s.typed("beitzoo " + line + killLine + "beitzoo done\r")
				checkNothingRan(t, s.folder)
				if t.Failed() {
					t.Fatalf("on %q", line)
				}
			}
		}
	})
}

// TestShells_FishWithoutTerminal asks fish for completions as its own tests do; the first script of beitzoo ran these lines.
func TestShells_FishWithoutTerminal(t *testing.T) {
	home, folder := t.TempDir(), t.TempDir()
	writeBelow(t, home, ".config/fish/completions/beitzoo.fish", script(t, "fish"))
	writeBelow(t, home, ".local/share/fish/generated_completions/none.fish", "")
	for line, want := range map[string]string{
		`beitzoo convert 'x; echo boo > pwned2' --to `:         "canonical\ndata2vec\nflava\nhf\nopenai\nopenmmlab\npaddleseg\npaddlevit\npassl\ntimm\nunilm\n",
		`beitzoo convert "$(echo sub > pwned3)" --to=h`:        "--to=hf\n",
		`beitzoo pull (touch pwned) digits_p16_64 --source em`: "embedded\tembedded:digits_p16_64.pdparams\n",
	} {
		cmd := exec.Command("fish", "-c", "complete -C $argv[1]", line)
		cmd.Dir, cmd.Env = folder, environment(t, home)
		output, err := cmd.CombinedOutput()
		if err != nil || string(output) != want {
			t.Errorf("%s: %q, %v", line, output, err)
		}
	}
	checkNothingRan(t, folder)
}

// checkNothingRan looks for the file that every hostile text makes.
func checkNothingRan(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(hostileNames, entry.Name()) {
			t.Errorf("something ran: there is a file %q", entry.Name())
		}
	}
}

// TestShells_Lists: what the user sees where several words are possible; in zsh and fish with what they mean.
func TestShells_Lists(t *testing.T) {
	visible := []string{}
	for _, command := range commands(&console{}) {
		if !command.Hidden {
			visible = append(visible, command.Name)
		}
	}
	eachShell(t, func(t *testing.T, s *terminal, shell string) {
		for _, c := range []struct {
			keys string
			want []string
		}{
			{"", visible},
			{"convert A --to ", []string{"canonical", "data2vec", "hf", "openmmlab", "paddlevit", "passl", "timm", "unilm"}},
			{"convert --", []string{"--output", "--prove", "--to", "--zoo"}},
			{"pull beitv2_", []string{"beitv2_base_p16_224_in1k", "beitv2_large_p16_224_in22k"}},
		} {
			if c.keys == "convert --" && !strings.HasPrefix(shell, "bash") { // bash does not describe flags
				c.want = append(c.want, "read it back and compare")
			}
			shown := s.list("beitzoo "+c.keys+"\t\t", c.want)
			for _, want := range c.want {
				if !strings.Contains(shown, want) {
					t.Errorf("%q does not list %q", c.keys, want)
				}
			}
			if strings.Contains(shown, completeCommand) || strings.Contains(shown, "--worker") {
				t.Errorf("%q lists something hidden", c.keys)
			}
		}
	})
}

// TestShells_ManualPages lets the programs that show manual pages look for mistakes in ours.
func TestShells_ManualPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	folder := t.TempDir()
	mustRun(t, "man", "-o", folder)
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %q: %v\n%s", name, args, err, output)
		}
		return string(output)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".1")
		for _, line := range [][]string{
			{"mandoc", "-T", "lint", "-W", "style", page},
			{"groff", "-man", "-ww", "-T", "utf8", "-z", page},
		} {
			if output := run(line[0], line[1:]...); output != "" {
				t.Errorf("%s complains: %s", line[0], output)
			}
		}
		if output := run("lexgrog", page); !strings.Contains(output, `"`+name+` - `) {
			t.Errorf("whatis and apropos would not find %s: %s", name, output)
		}
		if output := run("man", "--warnings", "-P", "cat", "-l", page); strings.Contains(output, "warning: ") || !strings.Contains(output, strings.ReplaceAll(name, "-", " ")) {
			t.Errorf("man shows %s", output)
		}
	}
}
