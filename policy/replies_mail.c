#include "policy/replies_tables.h"

/* What anybody's server may say of the message, the mailbox, the conversation and its own
 * troubles, in the languages we have met. Folded patterns; order counts. */
static const struct replies_rule rules[] = {
    {.name = "virus",
     .match =
         "<virus|malware|infected|eicar|trojan|ransom|phish|clamav|вирус|病毒|ウイルス",
     .unless = "reputation",
     .class = FINDING_CONTENT,
     .scope = FINDING_SCOPE_MESSAGE,
     .flags = FINDING_PERMANENT},
    {.name = "spam",
     .match =
         "<spam|antispam|anti-spam|unsolicited|junk|<uce>|<ube>|bulk mail|bulk email|"
         "mass mail|mass-mail|mailing patterns|spamassassin|scored|mail score|scoring|"
         "pourriel|indesirable|correo no deseado|no solicitado|nao solicitad|"
         "posta indesiderata|spamverdacht|unerwunscht|niechcian|ongewenst|istenmeyen|"
         "спам|垃圾|スパム|迷惑メール|스팸",
     .unless = "spam filter*unavailable|spam*scanner*unavailable|spamd*fail|"
               "please try again later*spam check|spam check*tempor|spamhaus",
     .class = FINDING_CONTENT,
     .scope = FINDING_SCOPE_MESSAGE},
    {.name = "content",
     .match =
         "banned content|content reject|content*denied|content*blocked|content*not "
         "allowed|"
         "content policy|content filter|content restriction|message content|mail content|"
         "forbidden content|prohibited content|inappropriate|objectionable|"
         "attachment|file type|executable|banned file|"
         "policy reasons|security polic|policy restrictions|"
         "header*not accepted|headers*improper|duplicate header|"
         "missing*header|invalid header|header*missing|header*invalid|"
         "multiple addresses in from|multiple*from*header|rfc 5322|rfc5322|rfc 2822|"
         "rfc2822|8-bit*header|8bit*header|8 bit*header|invalid structure|mime/reject|"
         "mime*error|bare lf|bare cr|message-id*missing|no message-id|no date header|"
         "from header|message*contains|message is blocked by|mail data refused|"
         "message was blocked|message blocked|message*rejected due to policy|"
         "rejected for policy|policy violation|violat*policy|policy*rejection|"
         "blocked using spam pattern|url in*message|suspicious|quarantin|"
         "message rejected under|message refused|mail refused|mail rejected|"
         "message rejected|email rejected|unacceptable content|"
         "not accepted for policy|local policy|transaction failed*header|dlp|"
         "piece jointe|contenu*refus|contenu*interdit|anhang*verboten|anhang|"
         "inhalt*abgelehnt|aus richtlinien|contenido*rechaz|contenido*no permitido|"
         "archivo adjunto|conteudo*|contenuto*|allegat|zalacznik|tresc wiadomosci|"
         "inhoud*geweigerd|bijlage|вложени|содержани*письма|内容*拒|附件|添付ファイル",
     .unless = "user unknown|no such user|recipient unknown|unknown user|mailbox|"
               "recipient address rejected|command rejected|line too long|temporarily "
               "rejected|protocol|smtputf8|"
               "try again later|unavailable",
     .class = FINDING_CONTENT,
     .scope = FINDING_SCOPE_MESSAGE},

    /* The receiver's own troubles. Before mailboxes, for "mailbox temporarily
       unavailable". */
    {.name = "receiver-resources",
     .match = "insufficient system|insufficient disk|insufficient storage|system storage|"
              "system resources|disk full|no space left|space shortage|mail system full|"
              "out of memory|low on|resource*exhausted|disk*error|i/o error|"
              "queue unavailable|queue*full|cannot allocate",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_LOAD},
    {.name = "receiver-busy",
     .match =
         "server busy|server is busy|too busy|is busy|are busy|overload|load average|"
         "load too high|system load|high load|heavy load|all server ports|"
         "server*under load|try again when|no resources|server*at capacity|"
         "ausgelastet|uberlastet|surcharge*serveur|serveur*surcharge|sobrecargad|"
         "sovraccaric|przeciazon|перегружен|系统繁忙|系統繁忙|混雑",
     .unless = "mailbox is busy",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_LOAD},
    {.name = "receiver-failure",
     .match =
         "temporary*failure|temporary*error|temporary*problem|temporarily unavailable|"
         "temporarily unable|temporarily rejected|temporary local|temporarily deferred|"
         "tempfail|temp fail|local error|local problem|internal error|internal server|"
         "internal software|configuration error|configuration problem|"
         "local data error|unable to read|read error|read controls|database|ldap|"
         "lookup failure|lookup failed tempor|maintenance|"
         "timed out|timeout|time-out|time out|out of service|"
         "verification problem|qqt failure|qq *failure|<trouble>|"
         "license expired|recipient error|connection refused by|"
         "server error|system error|unexpected error|processing error|"
         "service unavailable|service is unavailable|service not available|"
         "service*currently unavailable|service*shutting down|service closing|"
         "not accepting*mail|not accepting messages|system not accepting|"
         "vorubergehend|zeitweilig|zeituberschreitung|wartung|technische*problem|"
         "temporairement|momentanement|indisponible|reessayer|"
         "temporalmente no disponible|fallo temporal|error temporal|"
         "error interno|falha temporaria|erro temporario|erro interno|"
         "temporaneamente|errore temporaneo|errore interno|tymczasow|"
         "tijdelijk|gecici|временн|внутренн|попробуйте позже|повторите|"
         "稍后再试|稍後再試|系统错误|しばらく|一時的",
     .unless =
         "disabled|deactivated|deaktiv|desactiv|"
         "user unknown|no such user|unknown user|client host*blocked|rejected: blocked|"
         "mailbox*inactive|syntax|temporarily disabled|temporary locked|"
         "account*temporar|user*temporar*lock|mailbox*not found|"
         "unknown recipient|does not exist|tls*certificate|suspended|"
         "tls not available|invalid mailbox|user not found|5.1.1",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE},

    /* Mailboxes. */
    {.name = "mailbox-disabled",
     .match =
         "inactive|disabled|deactivated|suspended|suspend]|terminated|discontinued|"
         "account*closed|closed*account|account*locked|is locked|status is locked|"
         "temporary locked|account expired|mailbox expired|expired mailbox|not activated|"
         "not active|no longer|has moved|moved to|left the company|no forwarding|"
         "retired|archived|archivee|unallocated|mailbox*blocked|account*blocked|"
         "deaktiviert|stillgelegt|gesperrtes postfach|postfach*gesperrt|inaktiv|"
         "desactive|ferme|desactivad|deshabilitad|suspendid|cancelad|disattivat|"
         "disabilitat|sospes|nieaktywn|zablokowane konto|konto*zablok|"
         "uitgeschakeld|gedeactiveerd|devre "
         "disi|отключен|деактивирован|заблокирован*ящик|"
         "已停用|已禁用|停用|禁用|被冻结|利用停止",
     .unless = "command*disabled|vrfy*disabled|esmtp*disabled|service*disabled|"
               "list*disabled|tls*disabled|command is disabled|no longer supported",
     .class = FINDING_BAD_MAILBOX,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "mailbox-unknown",
     .match =
         "user unknown|unknown user|user unknwon|user not|user isn't|user is not|"
         "user doesn't|user does not|users not|no such user|no such recipient|"
         "no such mailbox|no such address|no such person|no such account|"
         "no such email|no such local|no such customer|no such login|no such name|"
         "no mailbox|no account|no user|no valid recip|no recipient found|"
         "not a valid recip|not a valid user|not a valid mail|not a valid address|"
         "not a registered|not a known|not our user|not our customer|not known|"
         "unknown recip|recipient*unknown|recipient unknown|recipient is unknown|"
         "unknown mailbox|mailbox*unknown|mailbox is unknown|unknown address|"
         "address unknown|address is unknown|addressee unknown|unknown local|unknown "
         "account|"
         "unknown email|unknown login|unknown or illegal|unknown alias|unknown virtual|"
         "invalid user|invalid recip|invalid mailbox|invalid address|invalid account|"
         "invalid-recip|invalid local|user invalid|recipient invalid|"
         "recipients are invalid|recipient is invalid|bad recipient|"
         "nonexistent|non-existent|non existent|not exist|doesn't exist|does not exist|"
         "doesnt exist|don't exist|do not exist|is not exist|no longer exist|"
         "mailbox not|mailbox unavailable|mailbox*unavailable|mailbox isn't|"
         "mailbox is not|mailbox name not|mailbox doesn't|recipient not|"
         "recipient*not found|recipient*could not be|recipient doesn't|"
         "recipient*not recogni|not recipient|address not found|address*could not be "
         "found|"
         "address error|address rejected|recipient rejected|rcpt*rejected|"
         "badrcptto|bad address|address*not valid|not valid address|address lookup|"
         "email address*not|not an active address|addressee|"
         "account*not found|account*unknown|account not|account does|account is not|"
         "undeliverable address|not configured to receive|cannot receive|"
         "can't receive|unable to deliver to|cannot be delivered|not deliverable|"
         "non-deliverable|undeliverable|non deliverable|user account|"
         "not in*directory|not listed in*directory|callout verification failed|"
         "not in recipient list|is not user|this account is not|rcpt user*not ok|"
         "not ok>|lookup in domain map failed|not a member of domain|recipnotfound|"
         "recipient*verif*fail|recipient verify failed|no mail*for this name|"
         "does not have an account|doesn't have an account|doesn't have a*account|"
         "hasn't an account|user*not have*mailbox|local user|misspel|"
         "mailbox for*not|mailbox*not found|not available*mailbox|empfanger*unbekannt|"
         "empfanger*nicht|unbekannter empfanger|unbekannter benutzer|"
         "benutzer*unbekannt|benutzer*nicht|postfach*nicht|adresse*unbekannt|"
         "adresse*existiert nicht|adresse*nicht|existiert nicht|destinataire inconnu|"
         "destinataire*inexist|utilisateur inconnu|utilisateur*inexist|adresse*inconnue|"
         "adresse*invalide|n'existe pas|boite*inexist|boite*inconnue|boite*n'existe|"
         "usuario desconocido|usuario*no existe|usuario inexist|no existe|"
         "destinatario*desconocido|destinatario*inexist|buzon*no|cuenta*no existe|"
         "direccion*invalida|usuario invalido|usuario inexist|nao existe|"
         "destinatario*invalido|destinatario*nao|caixa*nao|conta*nao|endereco*nao|"
         "endereco*invalido|utente sconosciuto|utente*non|destinatario*sconosciuto|"
         "non esiste|casella*inesist|casella*non|indirizzo*non|indirizzo*inesist|"
         "nie istnieje|nieznany*uzytkownik|nieznany*odbiorca|nieznany|"
         "konto niedostepne|brak*uzytkownik|nie ma takiego|brak takiego|"
         "gebruiker*onbekend|onbekende gebruiker|bestaat niet|ontvanger onbekend|"
         "adres*onbekend|neexistuje|neznamy|ismeretlen|nem letezik|"
         "finns inte|finnes ikke|findes ikke|okand*mottagare|ukendt|ukjent|tuntematon|"
         "ei ole olemassa|kullanici*yok|bulunamadi|bilinmeyen|gecersiz|"
         "не существует|не найден|неизвестн|нет такого|не зарегистрирован|не исну|"
         "不存在|用户名*错|没有*用户|无此用户|查无|查無|無此|找不到|"
         "存在しません|存在しない|宛先*不明|ユーザー*不明|見つかりません|없는|존재하지",
     .unless = "command unknown|unknown command|sender|relay*unknown|mail from|"
               "need rcpt|no recipients|unrecognized|syntax",
     .class = FINDING_BAD_MAILBOX,
     .scope = FINDING_SCOPE_RECIPIENT},

    /* The conversation itself. */
    {.name = "protocol",
     .match = "syntax|bad sequence|out of sequence|sequence of commands|unrecogni|"
              "command not|unknown command|command unknown|invalid command|bad command|"
              "not implemented|not recognized|unimplemented|too many errors|"
              "nonmail commands|non-mail commands|protocol error|protocol violation|"
              "synchroni|improper use of*pipelin|pipelining|line too "
              "long|line_too_long|line length|"
              "line limit|command too long|lines too long|smtputf8|need rcpt|need mail|"
              "rcpt first|mail first|rcpt to: command|rcpt to first|mail*required "
              "first|no sender yet|sender already|"
              "nested mail|no recipients|no valid rcpt|send helo|helo first|polite|"
              "say helo|ehlo first|expected helo|helo required|stray newline|data format|"
              "unsupported option|unsupported param|parameters not|unexpected command|"
              "multi-recipient bounce|address incomplete|bad utf-8|8bitmime|tls already|"
              "tls not available|tls missing|tls*handshake|ssl*handshake|tls negotiation|"
              "tls*certificate|tls error|ssl error|ssl_|handshake failure|"
              "bad parameter|invalid parameter|wrong number of|requires domain|argument|"
              "conformance issues|bdat|chunk|malformed address|malformed command|"
              "illegal command|command is disabled|erreur de syntaxe|befehl|sintaxis|"
              "sintassi|sintaxe|skladni|синтаксис|语法|構文",
     .unless = "user unknown|spam|virus|dmarc|spf",
     .class = FINDING_PROTOCOL,
     .scope = FINDING_SCOPE_MESSAGE},
    {.name = "recipient-refused",
     .match = "recipient address rejected|all recipients*rejected|rcpt to*rejected|"
              "recipient*refused|recipient*denied",
     .class = FINDING_BAD_MAILBOX,
     .scope = FINDING_SCOPE_RECIPIENT},
};

const struct replies_rule *replies_mail_table(size_t *out_count)
{
    *out_count = sizeof(rules) / sizeof(rules[0]);
    return rules;
}
