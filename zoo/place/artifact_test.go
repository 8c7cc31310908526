package place

import "testing"

func TestParamSize(t *testing.T) {
	t.Parallel()
	for parameters, want := range map[int64]string{122_974: "123.0k", 86_530_984: "86.5m", 305_674_728: "305.7m", 999_960_000: "1.0b", 7_000_000_000: "7.0b"} {
		if got := paramSize(parameters); got != want {
			t.Errorf("%d is %s, want %s", parameters, got, want)
		}
	}
}

func TestLatestIndexIsTheHighestNumber(t *testing.T) {
	t.Parallel()
	s := &NewBundleWriter().draft
	for _, tag := range []string{"zoo-index-9", "zoo-index-12", "zoo-index-2", "zoo-index-x", "model-99.0.0"} {
		if _, err := s.PushManifest(t.Context(), tag, nil); err != nil {
			t.Fatal(err)
		}
	}
	if tag, err := latestIndex(t.Context(), s); tag != "zoo-index-12" || err != nil {
		t.Errorf("the latest is %s, error %v", tag, err)
	}
}
