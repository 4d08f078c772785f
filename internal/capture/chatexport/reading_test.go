package chatexport

import (
	"slices"
	"testing"
)

func TestMergeKeepsAuthorsOfBothFiles(t *testing.T) {
	r := reading{Authors: []string{"Bob", "Quy Li"}, Slots: []string{"Ana"}, Back: []string{"2024-10-27"}}
	r.merge(&reading{Authors: []string{"Ana", "Bob"}, Slots: []string{"Quy Li", "Z"}})
	if want := []string{"Ana", "Bob", "Quy Li"}; !slices.Equal(r.Authors, want) {
		t.Errorf("authors %q, want %q", r.Authors, want)
	}
	if want := []string{"Z"}; !slices.Equal(r.Slots, want) {
		t.Errorf("slots %q, want %q", r.Slots, want)
	}
	if want := []string{"2024-10-27"}; !slices.Equal(r.Back, want) {
		t.Errorf("back %q, want %q", r.Back, want)
	}
}
