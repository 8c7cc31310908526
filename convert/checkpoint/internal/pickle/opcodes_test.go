package pickle

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOpcodesAgreeWithPython compares the table with the list in Python's pickletools.
func TestOpcodesAgreeWithPython(t *testing.T) {
	forms := map[string]form{
		"0": bare, "1": fixed1, "2": fixed2, "4": fixed4, "8": fixed8, "line": line, "lines": twoLines,
		"u1": length1, "u4": length4, "i4": length4Signed, "u8": length8,
	}
	known := 0
	for code, fields := range pythonOpcodes(t) {
		row := instructions[code]
		if row.name != fields[1] {
			t.Errorf("opcode %02x is %q, want %q", code, row.name, fields[1])
			continue
		}
		known++
		if row.form != forms[fields[3]] {
			t.Errorf("%s has form %d, want that of %q", row.name, row.form, fields[3])
		}
		if want := stackEffect(fields); !cmp.Equal(row.effect, want, cmp.AllowUnexported(effect{})) {
			t.Errorf("%s: %s", row.name, cmp.Diff(want, row.effect, cmp.AllowUnexported(effect{})))
		}
	}
	if known != 68 {
		t.Errorf("%d opcodes are right, want 68", known)
	}
	for code, row := range instructions {
		if _, ok := pythonOpcodes(t)[byte(code)]; !ok && row.name != "" {
			t.Errorf("opcode %02x is not an opcode of Python", code)
		}
	}
}

func pythonOpcodes(t *testing.T) map[byte][]string {
	file, err := os.Open("testdata/opcodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list := map[byte][]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if code, err := strconv.ParseUint(fields[0], 16, 8); err == nil {
			list[byte(code)] = fields
		}
	}
	return list
}

// stackEffect translates Python's description. MARK pushes nothing that counts; what pickletools leaves out (PUT looks at the top of the
// stack) and pairs (which it has no word for) are added here.
func stackEffect(fields []string) effect {
	var want effect
	before, _, mark := strings.Cut(fields[4], "mark")
	for _, item := range strings.Split(before, ",") {
		if item != "" && item != "-" {
			want.take++
		}
	}
	want.toMark = mark
	if fields[5] != "-" && fields[5] != "mark" {
		want.give = strings.Count(fields[5], ",") + 1
	}
	switch fields[1] {
	case "PUT", "BINPUT", "LONG_BINPUT":
		want.take, want.give = 1, 1
	case "DICT", "SETITEMS":
		want.pairs = true
	}
	return want
}
