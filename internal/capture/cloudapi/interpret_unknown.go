package cloudapi

import (
	"slices"
	"strings"
)

// Unknown lists the members and types of an element that the interpreter does
// not know, as paths, each once: "messages.text.style", "messages.type:poll",
// "field:new_things". What Meta invents is kept as it came, and said once. No
// content stands in a path: a name that is no plain word is "?".
func Unknown(raw []byte, in Context) (out []string) {
	if in.Field != "" && !slices.Contains(fields, in.Field) {
		return []string{"field:" + plain(in.Field)}
	}
	list := in.Path[strings.LastIndexByte(in.Path, '.')+1:]
	known, ok := shapes[list]
	if !ok {
		if list != "" && !slices.Contains(lists, list) {
			return []string{plain(in.Field) + "." + plain(list)}
		}
		return nil // of an account or a template: it is shown as it is
	}
	v, err := parse(raw)
	if err != nil {
		return []string{list + ":no object"}
	}
	note := func(s string) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if t := v.str("type"); list == "messages" || list == "message_echoes" {
		if _, isKind := kinds[t]; t != "" && !isKind && files[t] == "" && !slices.Contains(changes, t) {
			note(list + ".type:" + plain(t))
		}
	}
	if s := v.str("status"); list == "statuses" && s != "" && !slices.Contains(states, strings.ToLower(s)) {
		note(list + ".status:" + plain(s))
	}
	known.strangers(list, v.v, note)
	slices.Sort(out)
	return out
}

// plain is a name that may be told; else "?".
func plain(name string) string {
	if len(name) > 48 || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) || strings.Trim(name, "0123456789-") == "" {
		return "?"
	}
	return name
}

// shape is which members an object has; nil: any.
type shape map[string]shape

// strangers notes the members of v, or of its elements, that are not known.
func (s shape) strangers(path string, v any, note func(string)) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			s.strangers(path, e, note)
		}
	case map[string]any:
		for k, e := range x {
			below, ok := s[k]
			switch {
			case !ok:
				note(path + "." + plain(k))
			case below != nil:
				below.strangers(path+"."+k, e, note)
			}
		}
	}
}

// shapeOf reads "a b{c d}": words are members, braces hold the members of the
// one before them. A member without braces may hold anything.
func shapeOf(spec string) shape {
	words := strings.Fields(strings.NewReplacer("{", " { ", "}", " } ").Replace(spec))
	var read func() shape
	read = func() shape {
		s, last := shape{}, ""
		for len(words) > 0 {
			w := words[0]
			words = words[1:]
			switch w {
			case "{":
				s[last] = read()
			case "}":
				return s
			default:
				s[w], last = nil, w
			}
		}
		return s
	}
	return read()
}

const (
	errorsShape = `errors{code title message details error_data{details} href type}`
	mediaShape  = `{id link url mime_type sha256 caption filename file_size voice animated provider}`
	calling     = `id from from_user_id from_parent_user_id to to_user_id to_parent_user_id timestamp type ` + errorsShape + ` biz_opaque_callback_data `

	messageShape = `from from_user_id from_parent_user_id to to_user_id to_parent_user_id recipient recipient_id recipient_user_id recipient_type
		messaging_product id timestamp type group_id message history_context biz_opaque_callback_data preview_url
		context{from from_user_id from_parent_user_id id message_id forwarded frequently_forwarded referred_product{catalog_id product_retailer_id}}
		referral{source_url source_id source_type headline body media_type image_url video_url thumbnail_url ctwa_clid welcome_message image video}
		` + errorsShape + ` text{body preview_url} image` + mediaShape + ` video` + mediaShape + ` audio` + mediaShape + ` document` + mediaShape + ` sticker` + mediaShape + `
		location{latitude longitude name address url accuracy} contacts{name{formatted_name first_name last_name middle_name prefix suffix} phones{phone wa_id type user_id} addresses emails org birthday urls origin}
		order{catalog_id text product_items{product_retailer_id quantity item_price currency}} button{text payload}
		interactive{type button_reply{id title} list_reply{id title description} nfm_reply{response_json body name} call_permission_reply header body footer action}
		template system{body type wa_id new_wa_id customer identity user_id parent_user_id} identity unsupported{type} unknown media_placeholder request_welcome
		reaction{message_id emoji} edit{original_message_id message} revoke{original_message_id message_id}`
)

var shapes = map[string]shape{
	"messages":       shapeOf(messageShape),
	"message_echoes": shapeOf(messageShape),
	"standby":        shapeOf(messageShape),
	"statuses": shapeOf(`id status timestamp type recipient_id recipient_user_id recipient_parent_user_id recipient_type recipient_participant_id participant_recipient_id
		recipient_participant_user_id participant_recipient_user_id group_id message conversation pricing payment biz_opaque_callback_data ` + errorsShape),
	"calls": shapeOf(calling + `event direction session connection start_time end_time duration status deeplink_payload cta_payload
		recording` + mediaShape + ` transcript` + mediaShape + ` transcription` + mediaShape + ` voicemail` + mediaShape),
	"groups": shapeOf(`timestamp group_id id type request_id subject description invite_link join_approval_mode reason initiated_by added_participants removed_participants
		failed_participants participants join_request_id wa_id user_id parent_user_id creation_timestamp profile_picture group_subject group_description ` + errorsShape),
	"user_id_update": shapeOf(`wa_id detail user_id parent_user_id previous_user_id timestamp`),
}

var (
	changes = []string{"reaction", "edit", "revoke"}
	states  = []string{"sent", "delivered", "read", "played", "failed", "deleted", "ringing", "accepted", "rejected"}
	// lists are those of which About tells.
	lists = []string{"contacts", "user_preferences", "state_sync", "errors", "history", "threads", "messaging_handovers", "user_actions"}
	// fields are all that Meta tells of, as of September 2026.
	fields = strings.Fields(`messages message_echoes smb_message_echoes smb_app_state_sync history standby messaging_handovers calls
		group_lifecycle_update group_participants_update group_settings_update group_status_update
		user_id_update user_preferences consumer_profile business_username_updates
		account_update account_alerts account_review_update account_settings_update business_capability_update phone_number_name_update
		phone_number_quality_update security partner_solutions payment_configuration_update message_template_status_update
		message_template_quality_update message_template_components_update template_category_update template_correct_category_detection
		flows automatic_events`)
)
