package demo

import "hash/fnv"

// dice is a small seeded source of choices (splitmix64). The standard
// library's generators may change their draws between versions of Go; the
// sample firm must not.
type dice struct{ state uint64 }

// roll returns dice that always fall the same way for name.
func roll(name string) *dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails to write
	return &dice{h.Sum64()}
}

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n returns a number from 0 to k-1. Its tiny bias does not matter here.
func (d *dice) n(k int) int { return int(d.next() % uint64(k)) }

// of returns one of list.
func (d *dice) of(list []string) string { return list[d.n(len(list))] }
