package govern

import "github.com/waxseal/waxseal/internal/access"

// ActSettingsReason says whether a reason is asked for before content is shown.
const ActSettingsReason = "settings.reason"

// ReasonRule is the data of ActSettingsReason.
type ReasonRule struct {
	Required bool `json:"required"`
}

func settingActs() map[string]kind {
	return map[string]kind{
		ActSettingsReason: define(access.ManagePolicies, func(s *State, _ *Act, d ReasonRule) error {
			if s.ReasonRequired == d.Required {
				return refuse("It is so already.")
			}
			return nil
		}, func(s *State, _ *Act, d ReasonRule) { s.ReasonRequired = d.Required }),
	}
}
