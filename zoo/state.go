package zoo

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/beitzoo/beitzoo/zoo/store/cache"
)

// DefaultState is the folder for what must outlive the cache, pinned digests and keys: the folder "state" in BEITZOO_HOME if that is set, else
// "beitzoo" in the user's folder for settings (on Linux XDG_CONFIG_HOME, or ~/.config).
func DefaultState() (string, error) {
	if home := os.Getenv(cache.HomeVariable); home != "" {
		return filepath.Abs(filepath.Join(home, "state"))
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the state (set %s): %w", cache.HomeVariable, err)
	}
	return filepath.Join(folder, "beitzoo"), nil
}
