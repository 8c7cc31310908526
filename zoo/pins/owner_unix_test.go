//go:build unix

package pins

import "testing"

func TestTrustedUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		owner, self, keeper int
		want                bool
	}{
		{1000, 1000, 2000, true}, {0, 1000, 2000, true}, {2000, 1000, 2000, true}, {3000, 1000, 2000, false}, {3000, 0, 0, false},
	} {
		if got := trustedUser(c.owner, c.self, c.keeper); got != c.want {
			t.Errorf("owner %d, self %d, keeper %d: %v", c.owner, c.self, c.keeper, got)
		}
	}
}
