package web

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

func init() {
	said["account-theirs"] = "Noted: the account is theirs."
	said["contact-named"] = "The number has its name."
}

// unknownPage is what nobody has said yet: whose accounts there are, and who is
// behind a number.
type unknownPage struct {
	layout
	Wrong      string
	Accounts   []unknownAccount
	Unsaid     int64 // chats whose source does not name the account
	Custodians []custodianChoice
	Reads      bool // the person may know who wrote
	Numbers    []unknownNumber
	Total      int
	From, To   int
	Next, Back string
	Named      []namedContact
	NamedTotal int
	May        bool
}

type unknownAccount struct {
	Account  string
	Chats    int64
	Messages int64
	Last     string
}

type unknownNumber struct {
	Address, Find   string
	Messages, Chats int64
	Last            string
}

type namedContact struct{ Address, Name, Kind string }

const numbersOnPage = 50

func (s *Server) unknown(w http.ResponseWriter, r *http.Request) error {
	return s.showUnknown(w, r, http.StatusOK, "")
}

func (s *Server) showUnknown(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	who := actor(r)
	p := unknownPage{
		layout: s.layout(r, "Not known yet", "custodians"), Wrong: wrong,
		May: who.May(access.ManageCustodians, s.now()) == nil, Reads: who.May(access.Read, s.now()) == nil,
	}
	known := map[string]bool{}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(st.Custodians)) {
			if mayKnow(st, who, id) {
				p.Custodians = append(p.Custodians, custodianChoice{id, custodianName(st, id)})
			}
			for _, t := range st.Custodians[id].Accounts {
				known[t.Account] = true
			}
		}
		for _, a := range slices.Sorted(maps.Keys(st.Contacts)) {
			known[a] = true
			if c := st.Contacts[a]; p.Reads && !partly(who) && len(p.Named) < numbersOnPage {
				p.Named = append(p.Named, namedContact{clean(a), clean(c.Name), plain(c.Kind)})
			}
		}
		p.NamedTotal = len(st.Contacts)
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.accounts(s, r); err != nil {
		return err
	}
	if p.Reads {
		if err := p.numbers(s, r, known); err != nil {
			return err
		}
	}
	return s.renderStatus(w, status, "unknown", p)
}

// accounts are those of chats that nobody of the firm had.
func (p *unknownPage) accounts(s *Server, r *http.Request) error {
	chats, err := s.view(r).Chats(r.Context(), index.ChatFilter{})
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	by := map[string]*unknownAccount{}
	for i := range chats {
		c := &chats[i]
		switch {
		case c.Custodian != "":
			continue
		case c.Account == "":
			p.Unsaid++
			continue
		}
		u := by[c.Account]
		if u == nil {
			u = &unknownAccount{Account: clean(c.Account)}
			by[c.Account] = u
		}
		u.Chats, u.Messages, u.Last = u.Chats+1, u.Messages+c.Messages, max(u.Last, c.Last)
	}
	for _, a := range slices.Sorted(maps.Keys(by)) {
		by[a].Last = shortDay(by[a].Last)
		p.Accounts = append(p.Accounts, *by[a])
	}
	slices.SortStableFunc(p.Accounts, func(a, b unknownAccount) int { return cmp.Compare(b.Messages, a.Messages) })
	return nil
}

// numbers are people of whom nothing but a number or an address is known.
func (p *unknownPage) numbers(s *Server, r *http.Request, known map[string]bool) error {
	from, _ := strconv.Atoi(r.URL.Query().Get("from")) // what is no number begins at the first
	from = max(0, from)
	rows, total, err := s.view(r).People(r.Context(), index.PersonFilter{
		Unnamed: true, Offset: from, Limit: numbersOnPage,
		Skip: func(x *index.PersonRow) bool { return known[govern.NormalAccount(x.Address)] },
	})
	if err != nil {
		return fmt.Errorf("list numbers: %w", err)
	}
	for i := range rows {
		x := &rows[i]
		p.Numbers = append(p.Numbers, unknownNumber{
			Address: clean(x.Address), Messages: x.Messages, Chats: x.Chats, Last: shortDay(x.Last),
			Find: "/search?" + url.Values{"q": {`from:"` + strings.ReplaceAll(x.Address, `"`, "") + `"`}}.Encode(),
		})
	}
	p.Total, p.From, p.To = total, from+1, from+len(rows)
	if p.To < total {
		p.Next = "/custodians/unknown?from=" + strconv.Itoa(p.To) + "#numbers"
	}
	if from > 0 {
		p.Back = "/custodians/unknown?from=" + strconv.Itoa(max(0, from-numbersOnPage)) + "#numbers"
	}
	return nil
}

// assign says whose an account is that was nobody's.
func (s *Server) assign(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	if err := wholly(r, "Whose an account is says something"); err != nil {
		return err
	}
	v := r.PostForm
	return s.doUnknown(w, r, "account-theirs", govern.Request{
		Act: govern.ActCustodianAccount, Data: govern.AccountData{ID: v.Get("custodian"), Account: v.Get("account"), From: v.Get("from"), To: v.Get("to")},
	})
}

// nameContact names who is behind a number.
func (s *Server) nameContact(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	v := r.PostForm
	return s.doUnknown(w, r, "contact-named", govern.Request{
		Act: govern.ActContactName, Data: govern.Contact{Address: v.Get("address"), Name: v.Get("name"), Kind: v.Get("kind")},
	})
}

func (s *Server) doUnknown(w http.ResponseWriter, r *http.Request, word string, q govern.Request) error {
	_, err := s.ledger.Do(r.Context(), actor(r), q)
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return s.showUnknown(w, r, http.StatusConflict, clean(refusal.Say))
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/custodians/unknown", word)
}
