package govern

// ActKeep keeps a small secret of the archive's own, such as the key of a
// certificate that it fetched: its second part. Without one it is dropped.
const ActKeep = "keep"

// KeepData is the data of ActKeep.
type KeepData struct {
	Name string `json:"name"`
}

// maxKept bounds one secret.
const maxKept = 64 << 10

func keptActs() map[string]kind {
	return map[string]kind{
		ActKeep: define("", func(_ *State, a *Act, d KeepData) error {
			if d.Name == "" || len(a.Secret) > maxKept {
				return refuse("What is kept has a name, and is small.")
			}
			return nil
		}, func(s *State, a *Act, d KeepData) {
			if delete(s.Kept, d.Name); a.Secret != nil {
				s.Kept[d.Name] = a.Secret
			}
		}),
	}
}
