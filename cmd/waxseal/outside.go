package main

import (
	"net/http"
	"net/netip"

	"github.com/waxseal/waxseal/internal/outbound"
)

// outsideFlags are for requests that leave the archive.
type outsideFlags struct {
	AllowNetwork []string `help:"Network inside the firm that alarms, webhooks and media may be asked of; without it, only public addresses are. May be given more than once." env:"WAXSEAL_ALLOW_NETWORK" placeholder:"CIDR"`
}

func (f *outsideFlags) networks() (all []netip.Prefix, err error) {
	for _, s := range f.AllowNetwork {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, usagef("--allow-network wants a network such as 10.20.0.0/16")
		}
		all = append(all, p)
	}
	return all, nil
}

// client makes the requests that leave.
func (f *outsideFlags) client() (*http.Client, error) {
	allow, err := f.networks()
	if err != nil {
		return nil, err
	}
	return outbound.Client(outbound.Options{Allow: allow}), nil
}
