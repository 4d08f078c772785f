package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Direction marks and spaces that WhatsApp writes into its exports.
const (
	lrm   = "\u200e"
	rlm   = "\u200f"
	nbsp  = "\u00a0"
	nnbsp = "\u202f"
)

// locale is how one phone writes an export: its layout, its clock and the
// sentences of its language.
type locale struct {
	ios   bool
	mark  string // before every string that an iPhone wrote itself
	stamp func(time.Time) string
	file  string // name of the export, {chat} in it, without extension

	attached string // {f}
	image    string // left out, iOS; on Android the one placeholder for all
	video    string
	audio    string
	sticker  string
	document string
	pages    string // {n}; two and more

	deleted, deletedByMe, edited string
	place                        string // with its colon
	live                         string
	missed                       string
	viewOnce                     string
	poll, option, votes          string

	encrypted, created, added, addedMe, left, subject, number, code string
	// The two below are known in English alone.
	disappearing, persisting string
}

// layout returns a stamp function for a Go time layout.
func layout(l string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(l) }
}

// plainHours is like layout, with hours that are not padded between date and
// minutes.
func plainHours(date, minutes string) func(time.Time) string {
	return func(t time.Time) string { return t.Format(date) + strconv.Itoa(t.Hour()) + t.Format(minutes) }
}

// arabicStamp is an iPhone's in Arabic with Arabic digits and a 12-hour clock.
func arabicStamp(t time.Time) string {
	half := "ص"
	if t.Hour() >= 12 {
		half = "م"
	}
	s := fmt.Sprintf("%d%s/%d%s/%d، %d:%02d:%02d%s%s", t.Day(), rlm, int(t.Month()), rlm, t.Year(),
		(t.Hour()+11)%12+1, t.Minute(), t.Second(), nbsp, half)
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '٠'
		}
		return r
	}, s)
}

// taiwanStamp has one of six words for the time of day before the hour.
func taiwanStamp(t time.Time) string {
	h, word := t.Hour(), "晚上"
	switch {
	case h < 5:
		word = "凌晨"
	case h < 8:
		word = "清晨"
	case h < 12:
		word = "上午"
	case h < 13:
		word = "中午"
	case h < 18:
		word = "下午"
	}
	return t.Format("2006/1/2 ") + word + strconv.Itoa((h+11)%12+1) + t.Format(":04")
}

// locales are the phones of the sample firm. Their sentences are those of
// WhatsApp's own exports.
var locales = map[string]*locale{
	"ios en-GB": {
		ios: true, mark: lrm, stamp: layout("02/01/2006, 15:04:05"), file: "WhatsApp Chat - {chat}",
		attached: "<attached: {f}>", image: "image omitted", video: "video omitted", audio: "audio omitted",
		sticker: "sticker omitted", document: "document omitted", pages: "{n} pages",
		deleted: "This message was deleted.", deletedByMe: "You deleted this message.", edited: "<This message was edited>",
		place: "Location: ", live: "Location: ", missed: "Missed voice call",
		viewOnce: "You received a view once message. For added privacy, you can only open it on your phone.",
		poll:     "POLL:", option: "OPTION:", votes: "{n} votes",
		encrypted: "Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen to them.",
		created:   "{a} created group “{g}”", added: "{a} added {b}", addedMe: "{a} added you", left: "{a} left",
		subject: "{a} changed the subject to “{g}”", number: "{a} changed their phone number to a new number.",
		code: "Your security code with {a} changed. " + lrm + "Tap to learn more.",
	},
	"android en-US": {
		stamp: layout("1/2/06, 3:04" + nnbsp + "PM"), file: "WhatsApp Chat with {chat}",
		attached: "{f} (file attached)", image: "<Media omitted>",
		deleted: "This message was deleted", deletedByMe: "You deleted this message", edited: "<This message was edited>",
		place: "location: ", live: "live location shared", missed: "Missed voice call", viewOnce: "<View once photo omitted>",
		poll: "POLL:", option: "OPTION:", votes: "{n} votes",
		encrypted: "Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen to them. Tap to learn more.",
		created:   `{a} created group "{g}"`, added: "{a} added {b}", addedMe: "{a} added you", left: "{a} left",
		subject: `{a} changed the subject to "{g}"`, number: "{a} changed their phone number to a new number. Tap to message or add the new number.",
		code:         "Your security code with {a} changed. Tap to learn more.",
		disappearing: "{a} turned on disappearing messages. New messages will disappear from this chat 7 days after they're sent, except when kept. Tap to change.",
		persisting:   "{a} turned off disappearing messages. Tap to change.",
	},
	"android de": {
		stamp: layout("02.01.06, 15:04"), file: "WhatsApp Chat mit {chat}",
		attached: "{f} (Datei angehängt)", image: "<Medien ausgeschlossen>",
		deleted: "Diese Nachricht wurde gelöscht", deletedByMe: "Du hast diese Nachricht gelöscht", edited: "<Diese Nachricht wurde bearbeitet.>",
		place: "Standort: ", live: "Live-Standort wird geteilt", missed: "Verpasster Sprachanruf",
		poll: "UMFRAGE:", option: "OPTION:", votes: "{n} Stimmen",
		encrypted: "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt. Niemand außerhalb dieses Chats kann sie lesen oder anhören, nicht einmal WhatsApp.",
		created:   `{a} hat die Gruppe "{g}" erstellt`, added: "{a} hat {b} hinzugefügt", addedMe: "{a} hat dich hinzugefügt",
		left: "{a} hat die Gruppe verlassen", subject: `{a} hat den Betreff zu "{g}" geändert`,
		number: "{a} hat die Telefonnummer gewechselt.", code: "Deine Sicherheitsnummer für {a} hat sich geändert.",
	},
	"ios pl": {
		ios: true, mark: lrm, stamp: layout("2.01.2006, 15:04:05"), file: "WhatsApp Chat - {chat}",
		attached: "<załączono: {f}>", image: "obraz pominięty", video: "wideo pominięte", audio: "audio pominięte",
		sticker: "pominięto naklejkę", document: "dokument pominięty", pages: "{n} strony",
		deleted: "Ta wiadomość została usunięta.", deletedByMe: "Usunąłeś(-ęłaś) tę wiadomość.", edited: "<Ta wiadomość została zmieniona>",
		place: "Położenie: ", live: "Położenie: ", missed: "Nieodebrane poł. głosowe",
		poll: "ANKIETA:", option: "OPCJA:", votes: "{n} głosów",
		encrypted: "Wiadomości i połączenia są w pełni zaszyfrowane. Nikt spoza czatu, nawet WhatsApp, nie może ich odczytać ani odsłuchać.",
		created:   "{a} utworzył(a) grupę „{g}”", added: "{a} dodał(a) {b}", addedMe: "{a} dodał(a) Cię", left: "{a} opuścił(a) grupę",
		subject: "{a} zmienił(a) temat na „{g}”", number: "{a} zmienił(a) swój numer na nowy.",
		code: "Twój kod zabezpieczeń z użytkownikiem {a} zmienił się.",
	},
	"android tr": {
		stamp: layout("2.01.2006 15:04"), file: "{chat} ile WhatsApp Sohbeti",
		attached: "{f} (dosya ekli)", image: "<Medya dahil edilmedi>",
		deleted: "Bu mesaj silindi", deletedByMe: "Bu mesajı sildiniz", edited: "<Bu mesaj düzenlendi>",
		place: "konum: ", live: "Mevcut konum paylaşıldı", missed: "Cevapsız sesli arama",
		poll: "ANKET:", option: "SEÇENEK:", votes: "{n} oy",
		encrypted: "Mesajlar ve aramalar uçtan uca şifrelidir. WhatsApp da dahil olmak üzere bu sohbetin dışında bulunan hiç kimse mesaj ve aramalarınızı okuyamaz ve dinleyemez.",
		created:   `{a} "{g}" grubunu oluşturdu`, added: "{a}, {b} kişisini ekledi", addedMe: "{a} sizi ekledi", left: "{a} ayrıldı",
		subject: `{a} konuyu "{g}" olarak değiştirdi`, number: "{a} telefon numarasını yeni bir numaraya değiştirdi.",
		code: "{a} ile aranızdaki güvenlik kodu değişti.",
	},
	"android pt-BR": {
		stamp: layout("02/01/2006 15:04"), file: "Conversa do WhatsApp com {chat}",
		attached: "{f} (arquivo anexado)", image: "<Mídia oculta>",
		deleted: "Esta mensagem foi apagada", deletedByMe: "Você apagou esta mensagem", edited: "<Mensagem editada>",
		place: "localização: ", live: "localização atual compartilhada", missed: "Chamada de voz perdida",
		poll: "ENQUETE:", option: "OPÇÃO:", votes: "{n} votos",
		encrypted: "As mensagens e as chamadas são protegidas com a criptografia de ponta a ponta e ficam somente entre você e os participantes desta conversa. Nem mesmo o WhatsApp pode ler ou ouvi-las.",
		created:   `{a} criou o grupo "{g}"`, added: "{a} adicionou {b}", addedMe: "{a} adicionou você", left: "{a} saiu",
		subject: `{a} mudou o nome do grupo para "{g}"`, number: "{a} mudou de número de telefone.",
		code: "Seu código de segurança com {a} mudou.",
	},
	"ios es": {
		ios: true, mark: lrm, stamp: plainHours("2/1/06, ", ":04:05"), file: "WhatsApp Chat - {chat}",
		attached: "<adjunto: {f}>", image: "imagen omitida", video: "Video omitido", audio: "audio omitido",
		sticker: "sticker omitido", document: "documento omitido", pages: "{n} páginas",
		deleted: "Se eliminó este mensaje.", deletedByMe: "Eliminaste este mensaje.", edited: "<Se editó este mensaje.>",
		place: "Ubicación: ", live: "Ubicación: ", missed: "Llamada perdida",
		poll: "ENCUESTA:", option: "OPCIÓN:", votes: "{n} votos",
		encrypted: "Los mensajes y las llamadas están cifrados de extremo a extremo. Nadie fuera de este chat, ni siquiera WhatsApp, puede leerlos ni escucharlos.",
		created:   "{a} creó el grupo “{g}”", added: "{a} añadió a {b}", addedMe: "{a} te añadió.", left: "{a} salió del grupo.",
		subject: "{a} cambió el asunto a “{g}”", number: "{a} cambió su número de teléfono.",
		code: "Cambió tu código de seguridad con {a}.",
	},
	"ios ar": {
		ios: true, mark: rlm, stamp: arabicStamp, file: "WhatsApp Chat - {chat}",
		attached: "<المُرفق: {f}>", image: "لم يتم إدراج الصورة", video: "لم يتم إدراج الفيديوهات", audio: "لم يتم إدراج المقاطع الصوتية",
		sticker: "تم حذف الملصقات", document: "لم يتم إدراج المستند", pages: "صفحات {n}",
		deleted: "تم حذف هذه الرسالة.", deletedByMe: "لقد حذَفت هذه الرسالة.", edited: "<تم تعديل هذه الرسالة>",
		place: "الموقع: ", live: "الموقع: ", missed: "مكالمة صوتية فائتة",
		poll: "استطلاع:", option: "خيار:", votes: "أصوات {n}",
		encrypted: "الرسائل والمكالمات مشفرة تمامًا بين الطرفين، بحيث لا يستطيع أحد خارج هذه الدردشة، ولا حتى شركة واتساب نفسها، قراءتها أو الاستماع إليها.",
		created:   `{a} أنشأ مجموعة "{g}"`, added: "{a} أضاف {b}", addedMe: "{a} أضافك", left: "{a} غادر المجموعة",
		subject: `{a} غيّر اسم المجموعة إلى "{g}"`, number: "{a} غيّر رقم هاتفه إلى رقم جديد.",
		code: "تغيّر رمز أمانك المُستخدَم مع {a}.",
	},
	"android hi": {
		stamp: layout("2/1/06, 3:04 pm"), file: "{chat} के साथ WhatsApp चैट",
		attached: "{f} (फाइल अटैच कर दी गई है)", image: "<मीडिया के बिना>",
		deleted: "यह संदेश मिटाया गया", deletedByMe: "आपने यह संदेश मिटाया",
		place: "स्थान : ", live: "लाइव स्थान साझा किया गया", missed: "वॉइस कॉल मिस हुई",
		poll: "पोल:", option: "विकल्प:", votes: "{n} वोट",
		encrypted: "मैसेजेस और कॉल्स एंड-टू-एंड एन्क्रिप्टेड हैं. इस चैट में शामिल लोगों के अलावा कोई भी इन्हें पढ़ या सुन नहीं सकता, WhatsApp भी नहीं.",
		created:   `{a} ने ग्रुप "{g}" बनाया`, added: "{a} ने {b} को शामिल किया", addedMe: "{a} ने आपको शामिल किया", left: "{a} ने छोड़ा",
		subject: `{a} ने ग्रुप का नाम बदलकर "{g}" किया`, number: "{a} ने अपना फ़ोन नंबर बदला है.",
		code: "{a} के लिए आपका सुरक्षा कोड बदल गया है.",
	},
	"android he": {
		stamp: plainHours("2.1.2006, ", ":04"), file: "צ'אט WhatsApp עם {chat}",
		attached: "{f} (קובץ מצורף)", image: "<המדיה לא נכללה>",
		deleted: "הודעה זו נמחקה", deletedByMe: "מחקת הודעה זו", edited: "<ההודעה נערכה>",
		place: "מיקום: ", live: "משתף מיקום בשידור חי", missed: "שיחה קולית שלא נענתה",
		poll: "סקר:", option: "אפשרות:", votes: "הצבעות {n}",
		encrypted: "ההודעות והשיחות מוצפנות מקצה-לקצה. לאף אחד מחוץ לצ'אט זה, גם לא ל-WhatsApp, אין אפשרות לקרוא אותן או להאזין להן.",
		created:   `הקבוצה "{g}" נוצרה על ידי {a}`, added: "{a} הוסיף/ה את {b}", addedMe: "צורפת על-ידי {a}", left: "{a} עזב/ה",
		subject: `הנושא שונה ל-"{g}" ע״י {a}`, number: "{a} החליף/ה את מספר הטלפון למספר חדש.",
		code: "קוד האבטחה עם {a} שונה.",
	},
	"ios ja": {
		ios: true, mark: lrm, stamp: plainHours("2006/01/02 ", ":04:05"), file: "WhatsApp Chat - {chat}",
		attached: "<添付ファイル: {f}>", image: "画像は含まれていません", video: "ビデオは含まれていません", audio: "音声は含まれていません",
		sticker: "スタンプは含まれていません", document: "ドキュメントは含まれていません", pages: "ページ数: {n}",
		deleted: "このメッセージは削除されました。", deletedByMe: "このメッセージを削除しました。",
		place: "位置情報：", live: "位置情報：", missed: "音声通話不在着信",
		poll: "アンケート：", option: "選択肢：", votes: "{n}票",
		encrypted: "メッセージと通話はエンドツーエンド暗号化されています。チャットの参加者以外は、たとえWhatsAppでも読んだり聞いたりすることはできません。",
		created:   "{a}がグループ「{g}」を作成しました", added: "{a}が{b}を追加しました", addedMe: "{a}があなたを追加しました", left: "{a}が退出しました",
		subject: "{a} がグループ名を「{g}」に変更しました", number: "{a}が電話番号を変更しました。",
		code: "{a}とのセキュリティコードが変更されました。",
	},
	"android zh-TW": {
		stamp: taiwanStamp, file: "WhatsApp 與 {chat} 的對話",
		attached: "{f} (附件檔案)", image: "<忽略多媒體檔>",
		deleted: "此訊息已刪除。", deletedByMe: "您已刪除此訊息",
		place: "位置： ", live: "實時位置已分享", missed: "未接語音通話",
		poll: "投票：", option: "選項：", votes: "{n} 票",
		encrypted: "訊息已受端對端加密保護。此對話以外所有人，包括 WhatsApp 在內，都無法讀取或聽取。",
		created:   "{a} 建立了「{g}」群組", added: "{a} 新增了 {b}", addedMe: "{a} 新增了您", left: "{a} 退出了",
		subject: "{a} 已變更主題為 “{g}”", number: "{a} 變更電話號碼為新號碼", code: "您與 {a} 的安全碼已變更。",
	},
}
