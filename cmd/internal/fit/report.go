package fit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/cmd/internal/libtorch"
)

// reportName is the name of the report in the copy.
const reportName = "beitzoo-fit.json"

// Report describes a copy of gotch and how it was made.
type Report struct {
	// Folder is the copy.
	Folder   string                `json:"-"`
	Gotch    string                `json:"gotch"`
	Libtorch libtorch.Installation `json:"libtorch"`
	Compiler Compiler              `json:"compiler"`
	CUDA     bool                  `json:"cuda"`
	// Stubbed are the C functions whose bodies were replaced by an error, sorted.
	Stubbed []string `json:"stubbed"`
}

// readReport reads the report of the copy in folder. If there is no copy, the error is fs.ErrNotExist.
func readReport(folder string) (Report, error) {
	text, err := os.ReadFile(filepath.Join(folder, reportName))
	if err != nil {
		return Report{}, err
	}
	report := Report{Folder: folder}
	if err := json.Unmarshal(text, &report); err != nil {
		return Report{}, fmt.Errorf("%s: %w", filepath.Join(folder, reportName), err)
	}
	return report, nil
}

func (r Report) write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, reportName), append(text, '\n'), 0o644)
}
