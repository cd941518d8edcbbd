#include "base/log.h"
#include "base/macros.h"

#include <string.h>

#define ON(field) LOG_BIT(LOG_##field)

/* Of an action of the engine. */
#define ACTION (ON(GENERATION) | ON(SNAPSHOT) | ON(OPERATION))
/* Of what stands for a while. */
#define STANDING (ON(REASON) | ON(STATE))
#define STANDING_SERIES (STANDING | ON(POLICY) | ON(DISK) | ON(GENERATION))

static const struct event_entry events[] = {
        [LOG_EVENT_SNAPSHOT_TAKEN] =
                {
                        .id = "caefdc818b7c47e593e316ffc346bf7b",
                        .name = "snapshot-taken",
                        .fields = ACTION | ON(POLICY) | ON(DISK) | ON(SLOT) | ON(REASON) |
                                  ON(DURATION_MS),
                        .subject = "Snapshot taken",
                        .cause = "A slot of the schedule was due, and its snapshot is complete in "
                                 "Azure.",
                        .effect = "It counts for the rpo and for retention from here on.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_SNAPSHOT_FAILED] =
                {
                        .id = "a9090819ddcd46c0a3d4ad2836710f37",
                        .name = "snapshot-failed",
                        .fields = ACTION | ON(POLICY) | ON(DISK) | ON(SLOT) | ON(REASON) |
                                  ON(RETRY_AT) | ON(DURATION_MS),
                        .subject = "A snapshot could not be taken",
                        .cause = "Azure refused it, or did not finish it: @SNAPKEEP_REASON@. This "
                                 "is "
                                 "told at the first failure alone; the success that ends it tells "
                                 "how "
                                 "many there were.",
                        .effect = "The slot stays due and is tried again at @SNAPKEEP_RETRY_AT@. "
                                  "Until it comes out the newest backup of the disk gets older.",
                        .remedy =
                                "With forbidden: give the identity the rights that taking "
                                "snapshots "
                                "needs. With quota: raise it, or shorten the rule. With parent not "
                                "found: create the snapshot group. Otherwise wait; Azure's "
                                "activity "
                                "log has the request by SNAPKEEP_REQUEST_ID.",
                },
        [LOG_EVENT_DELETION_BEGINS] =
                {
                        .id = "a45249b1434242f9a580591285fb6b50",
                        .name = "deletion-begins",
                        .fields = ACTION | ON(RULE),
                        .subject = "A snapshot is about to be deleted",
                        .cause = "The policy no longer keeps it, by the rule in SNAPKEEP_RULE, and "
                                 "reading it again has shown that it is what was planned from.",
                        .effect = "The next request deletes it for good.",
                        .remedy =
                                "If it should have stayed: snapkeepctl pause --prune, then see "
                                "snapkeepctl plan for what is next. Azure does not bring it back.",
                },
        [LOG_EVENT_SNAPSHOT_DELETED] =
                {
                        .id = "4411de5b079e430eabd3465db2897705",
                        .name = "snapshot-deleted",
                        .fields = ACTION | ON(SLOT) | ON(RULE) | ON(DURATION_MS),
                        .subject = "Snapshot deleted",
                        .cause = "The rule in SNAPKEEP_RULE let it go.",
                        .effect = "It is gone from Azure, or will be within seconds.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_DELETION_FAILED] =
                {
                        .id = "3c071a376b814ea7addaf2de84826759",
                        .name = "deletion-failed",
                        .fields = ACTION | ON(SLOT) | ON(REASON) | ON(RETRY_AT) | ON(DURATION_MS),
                        .subject = "A snapshot could not be deleted",
                        .cause = "Azure refused it, or accepted it and did not do it, or it is not "
                                 "what it was when it was planned, or one that min_keep relies on "
                                 "cannot be read: "
                                 "@SNAPKEEP_REASON@. This is told at the first failure alone.",
                        .effect =
                                "It stays for now, and is tried again at @SNAPKEEP_RETRY_AT@. Its "
                                "chain is longer by one.",
                        .remedy =
                                "With locked: a resource lock holds it, and will for as long as it "
                                "is there. With forbidden: give the identity the right to delete "
                                "snapshots. Otherwise wait.",
                },
        [LOG_EVENT_FAILURE_OVER] =
                {
                        .id = "0fa4a54510054d989635c19ad5be6fa1",
                        .name = "failure-over",
                        .fields = 0,
                        .subject = "Nothing is left to do of what had failed",
                        .cause = "The plan does not ask for it any more: the slot has passed, the "
                                 "policy is another, or somebody else did it.",
                        .effect = "It is not tried again.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_SNAPSHOT_VANISHED] =
                {
                        .id = "b0c1fe61a0724a8bb556962599ff72df",
                        .name = "vanished",
                        .fields = ON(GENERATION) | ON(SNAPSHOT) | ON(REASON),
                        .subject = "A snapshot of ours is gone, and it was not us",
                        .cause = "Somebody or something else deleted it.",
                        .effect =
                                "What it held cannot be restored any more; the others of its chain "
                                "are whole.",
                        .remedy = "Look in Azure's activity log for who it was, and take the right "
                                  "away or set a lock. A new snapshot is taken at the next slot.",
                },
        [LOG_EVENT_SNAPSHOT_UNLISTED] =
                {
                        .id = "98c445c479934fb1a22fcae0bfa6d448",
                        .name = "unlisted",
                        .fields = ON(GENERATION) | ON(SNAPSHOT) | ON(REASON),
                        .subject = "A snapshot of ours is no longer listed, and nobody can say why",
                        .cause = "Its resource group is gone, listings lag, the rights of the "
                                 "identity shrank, or Azure did not answer a look at it.",
                        .effect = "It does not count as kept. Where more than ten are missed at "
                                  "once, nothing of its subscription is deleted before listings "
                                  "agree again.",
                        .remedy = "See whether the snapshot group is there, with which its "
                                  "snapshots are gone, and whether the identity may still read it. "
                                  "Otherwise wait.",
                },
        [LOG_EVENT_DISK_GONE] =
                {
                        .id = "de32a3e14cc84f6eaa0e226d9610cd45",
                        .name = "disk-gone",
                        .fields = ON(DISK) | ON(GENERATION),
                        .subject = "A disk is gone, its snapshots are frozen",
                        .cause = "Two looks at least an hour apart did not find it, while its "
                                 "subscription answered.",
                        .effect =
                                "Nothing of its snapshots is deleted for the time of "
                                "safety.on_disk_gone.freeze; then they are kept, or the rule goes "
                                "on, as the policy says.",
                        .remedy = "If the disk was to go: snapkeepctl retire deletes what nobody "
                                  "needs. If not: restore it from its newest snapshot.",
                },
        [LOG_EVENT_SUBSCRIPTION_UNREADABLE] =
                {
                        .id = "f6d1cae64f1d4bcb8b040034e90d6048",
                        .name = "subscription-unreadable",
                        .fields = ON(OPERATION) | ON(REASON) | ON(DURATION_MS),
                        .subject = "A subscription cannot be read",
                        .cause = "A listing of disks or snapshots failed: @SNAPKEEP_REASON@.",
                        .effect = "Nothing is deleted in it. Slots that are due are taken only "
                                  "from a "
                                  "world that is fresh enough.",
                        .remedy = "With forbidden: the identity needs Microsoft.Compute/disks/read "
                                  "and snapshots/read. Otherwise wait, it is tried again for ever.",
                },
        [LOG_EVENT_SUBSCRIPTION_READABLE] =
                {
                        .id = "f98a310870504646a27936b551938a5d",
                        .name = "subscription-readable",
                        .fields = 0,
                        .subject = "A subscription can be read again, or planned",
                        .cause = "What made listings or plans fail is over.",
                        .effect = "Work goes on.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_SUBSCRIPTION_UNPLANNED] =
                {
                        .id = "1e316dc27a3f44f6a97acfc19c94afbf",
                        .name = "subscription-unplanned",
                        .fields = 0,
                        .subject = "A subscription cannot be planned",
                        .cause = "Most likely memory is out.",
                        .effect = "Nothing is created or deleted in it until it can be.",
                        .remedy = "Look what takes the memory of this machine.",
                },
        [LOG_EVENT_TOKEN_FAILED] =
                {
                        .id = "c3e7c08857b5449b8809b557ff43eeaf",
                        .name = "token-failed",
                        .fields = ON(OPERATION),
                        .subject = "The identity service gives no token",
                        .cause = "The machine has no managed identity, the credential is wrong or "
                                 "has "
                                 "expired, or the service does not answer.",
                        .effect =
                                "Nothing can be read or done in Azure: no snapshot is taken, none "
                                "is deleted. Where the policy has two identities the message says "
                                "which; without the one of prune snapshots are taken all the "
                                "same. A token that only cannot be renewed serves for some "
                                "minutes yet.",
                        .remedy = "Follow what the message says; a secret that was renewed takes a "
                                  "restart of the daemon, since it is handed over at the start.",
                },
        [LOG_EVENT_TOKEN_AGAIN] =
                {
                        .id = "82e168443805494cbabdd82550ab4ff9",
                        .name = "token-again",
                        .fields = 0,
                        .subject = "The identity service gives tokens again",
                        .cause = "What kept it from that is over.",
                        .effect = "Work goes on.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_KEY] =
                {
                        .id = "96a19a943dd3443f8b72c4e057d322a7",
                        .name = "key",
                        .fields = STANDING | ON(DISK) | ON(GENERATION),
                        .subject = "A disk encryption set cannot use its key: @SNAPKEEP_STATE@",
                        .cause = "The key was disabled, has expired or is gone, or the set's "
                                 "identity may no longer use it.",
                        .effect = "No snapshot of a disk of this set can be taken. Virtual "
                                  "machines with such disks stop within the hour, and snapshots "
                                  "that are there cannot be restored until the key is back.",
                        .remedy = "Enable the key in its vault, and let the identity of the set "
                                  "get, wrap and unwrap it. Never purge a key that a snapshot is "
                                  "encrypted with. It is told again when it is over.",
                },
        [LOG_EVENT_LATE] =
                {
                        .id = "935c49f97d374db08fad507c03dd991a",
                        .name = "late",
                        .fields = STANDING_SERIES,
                        .subject = "A disk has no backup as young as its rpo: @SNAPKEEP_STATE@",
                        .cause = "Its newest complete snapshot is older than the policy allows: "
                                 "snapshots fail, wait, or take long.",
                        .effect = "A loss of the disk would lose more than was agreed.",
                        .remedy = "See snapkeepctl status and the failures of the disk in the "
                                  "journal: journalctl SNAPKEEP_DISK=@SNAPKEEP_DISK@. It is told "
                                  "again when it is over.",
                },
        [LOG_EVENT_CHAIN_LONG] =
                {
                        .id = "e00533596ed3472cb327b9c751be9d0b",
                        .name = "chain-long",
                        .fields = STANDING | ON(DISK) | ON(GENERATION),
                        .subject = "A chain of snapshots is long: @SNAPKEEP_STATE@",
                        .cause = "The policies keep more than 400 of the 500 snapshots that Azure "
                                 "allows a disk, or others than Snapkeep make snapshots of it.",
                        .effect = "At 500 no snapshot of the disk can be taken.",
                        .remedy = "Keep less, see snapkeepctl check for the peak of the policy; or "
                                  "let whoever else takes snapshots prune theirs.",
                },
        [LOG_EVENT_CHAIN_CRITICAL] =
                {
                        .id = "7576d7168f814970bb7bc18505ea1075",
                        .name = "chain-critical",
                        .fields = STANDING | ON(DISK) | ON(GENERATION),
                        .subject = "A chain of snapshots is nearly full: @SNAPKEEP_STATE@",
                        .cause = "More than 450 of 500, and what could be deleted may be held back "
                                 "by "
                                 "what the message names.",
                        .effect = "At 500 no snapshot of the disk can be taken.",
                        .remedy = "End what holds deletions back, or delete snapshots that others "
                                  "than Snapkeep made.",
                },
        [LOG_EVENT_DOUBT_CLOCK] =
                {
                        .id = "21ce8e111be24b65ba2bc53703d050cf",
                        .name = "clock",
                        .fields = STANDING,
                        .subject = "This machine's clock is wrong: @SNAPKEEP_STATE@",
                        .cause = "It differs by more than a minute from the Date of Azure's "
                                 "replies.",
                        .effect = "Slots go by Azure's time. Nothing is deleted.",
                        .remedy =
                                "Let it be set: systemctl status systemd-timesyncd, or chrony. The "
                                "doubt ends with two clean sweeps.",
                },
        [LOG_EVENT_DOUBT_LISTING] =
                {
                        .id = "297d3c8bd50044b3be57bdabdd4bfd2d",
                        .name = "listing",
                        .fields = STANDING,
                        .subject = "A listing cannot be trusted: @SNAPKEEP_STATE@",
                        .cause = "A page of it failed, it is old, a single look contradicts it, or "
                                 "it "
                                 "has a disk or a snapshot that cannot be read.",
                        .effect = "Nothing is deleted in the subscription.",
                        .remedy = "Wait: two clean sweeps end it. Where it names a disk or a "
                                  "snapshot that cannot be read, look at that one with Azure's own "
                                  "tools: the doubt stands until it is gone, or is as others are.",
                },
        [LOG_EVENT_DOUBT_TARGETS] =
                {
                        .id = "747b78dc99c5432fac25658e5672ff91",
                        .name = "targets",
                        .fields = STANDING,
                        .subject = "A target has fewer disks than it should: @SNAPKEEP_STATE@",
                        .cause = "Fewer than expect says, or a quarter of them went within 7 days: "
                                 "deleted, no longer tagged, or out of the identity's sight.",
                        .effect = "What is not found is not backed up. Nothing of the target is "
                                  "deleted.",
                        .remedy =
                                "Bring the tags or the rights back; or, if the fleet is that small "
                                "now, accept it with snapkeepctl ack and the hash of snapkeepctl "
                                "status.",
                },
        [LOG_EVENT_DOUBT_STALE] =
                {
                        .id = "f23e924d7d8149f4b8df379121b117af",
                        .name = "stale",
                        .fields = STANDING_SERIES,
                        .subject =
                                "Slots were missed in a row, old snapshots stay: @SNAPKEEP_STATE@",
                        .cause = "No snapshot of the disk came out for as many slots as "
                                 "safety.stale_stop says.",
                        .effect = "Nothing of the series is deleted, so that the last good ones "
                                  "stay.",
                        .remedy = "See why snapshots fail; a complete one ends it.",
                },
        [LOG_EVENT_DOUBT_POLICY] =
                {
                        .id = "0e21427bcbc64639a1423be4b5449acd",
                        .name = "policy",
                        .fields = STANDING,
                        .subject = "The policy would delete much more than the one before it: "
                                   "@SNAPKEEP_STATE@",
                        .cause = "Its keep was changed, and within 30 days more than "
                                 "safety.max_delete_percent of its snapshots would go; or nobody "
                                 "can say, since not all that it had are listed.",
                        .effect = "Nothing of the policy is deleted; new snapshots carry the rule "
                                  "that was accepted last.",
                        .remedy = "If it is meant: snapkeepctl ack with the hash of snapkeepctl "
                                  "status. If not: bring the old rule back and reload.",
                },
        [LOG_EVENT_DOUBT_MASS] =
                {
                        .id = "0f2d9c9f57f042b98f14a4f5cfcae82f",
                        .name = "mass",
                        .fields = STANDING,
                        .subject = "Unusually many snapshots would be deleted: @SNAPKEEP_STATE@",
                        .cause = "Within a day a policy would lose many more snapshots than it "
                                 "gained.",
                        .effect = "Nothing of the policy is deleted.",
                        .remedy = "Look at snapkeepctl plan. If it is meant: snapkeepctl apply, or "
                                  "ack.",
                },
        [LOG_EVENT_DOUBT_PEER] =
                {
                        .id = "d57f8c05e4f648edbc0552bb659b6136",
                        .name = "peer",
                        .fields = STANDING_SERIES,
                        .subject =
                                "Two daemons of different minds work on a series: @SNAPKEEP_STATE@",
                        .cause =
                                "The rules on its snapshots' tags alternate: two machines run with "
                                "the same owner and different policies.",
                        .effect = "Nothing of the series is deleted.",
                        .remedy =
                                "Give both the same policy, or stop one. 24 hours of one rule end "
                                "it.",
                },
        [LOG_EVENT_DOUBT_INTERNAL] =
                {
                        .id = "c0dcd60c1b9a472991da6ed889d317a5",
                        .name = "internal",
                        .fields = STANDING,
                        .subject = "Snapkeep found a fault in itself: @SNAPKEEP_STATE@",
                        .cause = "A rule that must always hold did not, for the disk that the "
                                 "message "
                                 "names.",
                        .effect = "Nothing of that generation is deleted until a restart.",
                        .remedy = "Report it, with the journal of the daemon around this entry.",
                },
        [LOG_EVENT_INVARIANT_BROKEN] =
                {
                        .id = "250ebd4c441040aa917eb68da359ea33",
                        .name = "invariant-broken",
                        .fields = 0,
                        .subject = "A rule that must always hold did not",
                        .cause = "Snapkeep found a fault in itself; the message names the disk's "
                                 "generation and the rule.",
                        .effect = "Nothing of that generation is deleted until a restart.",
                        .remedy = "Report it, with the journal of the daemon around this entry.",
                },
        [LOG_EVENT_PAUSED] =
                {
                        .id = "2376c5cfbc474963b2ff72824386258f",
                        .name = "paused",
                        .fields = STANDING,
                        .subject = "Deletions are paused: @SNAPKEEP_STATE@",
                        .cause = "An operator said so, or the state that was kept could not be "
                                 "read and may have had a pause; the message says which.",
                        .effect = "Nothing is deleted; snapshots are taken.",
                        .remedy = "snapkeepctl resume ends it.",
                },
        [LOG_EVENT_ALL_PAUSED] =
                {
                        .id = "16edfbc0693b4c9a96a1bb4876d2484f",
                        .name = "all paused",
                        .fields = STANDING,
                        .subject = "Everything is paused: @SNAPKEEP_STATE@",
                        .cause = "An operator said so.",
                        .effect = "Nothing is created or deleted: backups get older.",
                        .remedy = "snapkeepctl resume ends it.",
                },
        [LOG_EVENT_ASK] =
                {
                        .id = "e2b07fa9738b4465a4d7e5920079b2b5",
                        .name = "ask",
                        .fields = STANDING,
                        .subject = "The first deletion of a policy waits for an answer: "
                                   "@SNAPKEEP_STATE@",
                        .cause = "safety.prune is ask.",
                        .effect = "Nothing of the policy is deleted.",
                        .remedy = "Look at snapkeepctl plan, then snapkeepctl ack with the hash of "
                                  "snapkeepctl status.",
                },
        [LOG_EVENT_MISTAKEN] =
                {
                        .id = "8fb38fb8ec4944e0a52f76231834fa8a",
                        .name = "mistaken",
                        .fields = STANDING,
                        .subject =
                                "Snapshots carry our owner tag and are not ours: @SNAPKEEP_STATE@",
                        .cause =
                                "Their name is not the one that their tags give, or they are older "
                                "than their slot: copies made by hand, tags that were changed, a "
                                "name that was taken, a clock of Azure's that was off.",
                        .effect = "They are never touched, and count for the limit of the chain "
                                  "alone.",
                        .remedy = "Take the tag snapkeep-owner off, or delete them by hand.",
                },
        [LOG_EVENT_UNCLAIMED] =
                {
                        .id = "62af4368672143fd8891451cadf5d536",
                        .name = "unclaimed",
                        .fields = STANDING,
                        .subject =
                                "Snapshots of ours belong to no policy any more: @SNAPKEEP_STATE@",
                        .cause = "A disk is no longer matched, or its policy was removed or "
                                 "renamed.",
                        .effect = "They are kept for ever, and cost for ever.",
                        .remedy = "See snapkeepctl list --unclaimed. A policy with another name "
                                  "takes "
                                  "them over with formerly; snapkeepctl retire deletes them, but "
                                  "what a disk has left where it was moved from.",
                },
        [LOG_EVENT_FUTURE] =
                {
                        .id = "63bf6d0be2bb4537b151dbaac6b778cc",
                        .name = "future",
                        .fields = STANDING,
                        .subject = "Snapshots are dated in the future: @SNAPKEEP_STATE@",
                        .cause = "The clock of who made them was wrong.",
                        .effect = "They fill no slot and are not deleted.",
                        .remedy = "Wait until their time has come, or delete them by hand.",
                },
        [LOG_EVENT_DISK_MISSING] =
                {
                        .id = "2cc16984150b4810aaeeb52a4092f6be",
                        .name = "disk-missing",
                        .fields = STANDING,
                        .subject = "A disk that a target names is in no listing: @SNAPKEEP_STATE@",
                        .cause = "It was deleted or moved, its id is misspelt, or the identity may "
                                 "not read it.",
                        .effect = "It is not backed up.",
                        .remedy = "Mend the id in the policy, or the rights.",
                },
        [LOG_EVENT_NO_ATTEMPT] =
                {
                        .id = "c42c2b471c2843f6bf38961c8d9088e6",
                        .name = "no-attempt",
                        .fields = STANDING,
                        .subject = "All names of a slot are taken: @SNAPKEEP_STATE@",
                        .cause = "Nine attempts at one slot ended failed, and their remains stand "
                                 "under its names.",
                        .effect = "No snapshot is taken for this slot; the next slot has names of "
                                  "its "
                                  "own.",
                        .remedy = "See why they failed; failed ones of ours are removed 7 days "
                                  "after they were first seen so.",
                },
        [LOG_EVENT_NO_GENERATION] =
                {
                        .id = "e3c3bfddbc6b4744b3f0e6795c49905a",
                        .name = "no-generation",
                        .fields = STANDING,
                        .subject = "A disk has no uniqueId: @SNAPKEEP_STATE@",
                        .cause = "Azure does not tell one, so nobody could say which disk its "
                                 "snapshots are of.",
                        .effect = "It is not backed up.",
                        .remedy = "Report it, with the disk's JSON.",
                },
        [LOG_EVENT_NO_SNAPSHOT] =
                {
                        .id = "d0b776d26ebf4984a5f9dfa2673be76f",
                        .name = "no-snapshot",
                        .fields = STANDING | ON(DISK) | ON(GENERATION),
                        .subject = "A disk cannot be snapshotted: @SNAPKEEP_STATE@",
                        .cause = "It is being uploaded.",
                        .effect = "It is not backed up, and counts in no rpo.",
                        .remedy = "Wait for the end of the upload, or exclude it by a tag.",
                },
        [LOG_EVENT_MOVED] =
                {
                        .id = "1db7c89a1d474df0a5c124cbe11e38e5",
                        .name = "moved",
                        .fields = STANDING,
                        .subject = "Disks go on under another id: @SNAPKEEP_STATE@",
                        .cause = "They were moved to another group, subscription or name.",
                        .effect = "Their series go on.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_GONE] =
                {
                        .id = "13bcb59372714d5999823e349e3612f6",
                        .name = "gone",
                        .fields = STANDING,
                        .subject = "Snapshots of disks that are gone: @SNAPKEEP_STATE@",
                        .cause = "The disks were deleted.",
                        .effect =
                                "Their snapshots are frozen or kept, as safety.on_disk_gone says.",
                        .remedy = "snapkeepctl retire deletes what nobody needs.",
                },
        [LOG_EVENT_DEFERRED] =
                {
                        .id = "0021211395d445ffbbfb2a01f38cc1bd",
                        .name = "deferred",
                        .fields = STANDING,
                        .subject = "Slots wait for snapshots that Azure still copies: "
                                   "@SNAPKEEP_STATE@",
                        .cause = "An Ultra or Premium SSD v2 disk has three of them pending, the "
                                 "most "
                                 "that Azure allows.",
                        .effect = "The slot is taken when one is through.",
                        .remedy = "Take snapshots of such disks less often.",
                },
        [LOG_EVENT_ORDER] =
                {
                        .id = "bd49ae40cb324ed19015ce8b032f3466",
                        .name = "order",
                        .fields = 0,
                        .subject = "An operator gave an order",
                        .cause = "It came over the bus; the message names the user.",
                        .effect = "What the message says.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_ORDER_FAILED] =
                {
                        .id = "901e5653d5874bdcbfab3733f7439efb",
                        .name = "order-failed",
                        .fields = ACTION | ON(REASON),
                        .subject = "An order could not be carried out",
                        .cause = "Azure refused it, or what was found is not what the order was "
                                 "about, or it did not come to an end within ten minutes, or "
                                 "before the daemon was reloaded or stopped: @SNAPKEEP_REASON@.",
                        .effect = "It is not tried again. Where the message says that nobody saw "
                                  "it, it may have been done all the same.",
                        .remedy = "Look at the snapshot with snapkeepctl list, and give the order "
                                  "again. With forbidden: give the identity the right to write "
                                  "snapshots.",
                },
        [LOG_EVENT_SNAPSHOT_HELD] =
                {
                        .id = "4af011668a554de7954baa6fbdbcdd3a",
                        .name = "snapshot-held",
                        .fields = ACTION | ON(REASON),
                        .subject = "A snapshot is held",
                        .cause = "An operator ordered it, and reading the snapshot has shown the "
                                 "hold tag.",
                        .effect = "It stays until the hold is released, whatever the rule says.",
                        .remedy = "snapkeepctl release ends it.",
                },
        [LOG_EVENT_SNAPSHOT_RELEASED] =
                {
                        .id = "385c3248b21f4321baa93aa6b47af32e",
                        .name = "snapshot-released",
                        .fields = ACTION | ON(REASON),
                        .subject = "A snapshot is no longer held",
                        .cause = "An operator ordered it, and reading the snapshot has shown no "
                                 "hold tag. SNAPKEEP_REASON is what the hold said.",
                        .effect = "It goes when the rule no longer keeps it.",
                        .remedy = "If it should stay: snapkeepctl hold.",
                },
        [LOG_EVENT_SNAPSHOT_ADOPTED] =
                {
                        .id = "6f8270d6c2e94b75b839b833a855cd49",
                        .name = "snapshot-adopted",
                        .fields = ACTION | ON(REASON),
                        .subject = "A snapshot was adopted",
                        .cause = "An operator ordered it, and reading the snapshot has shown our "
                                 "tags. SNAPKEEP_REASON is the policy.",
                        .effect = "It counts as one of ours of the instant at which it was taken, "
                                  "and goes when the rule no longer keeps it.",
                        .remedy = "If it should stay: snapkeepctl hold.",
                },
        [LOG_EVENT_BACKUP_TAKEN] =
                {
                        .id = "0277b87d8e9d489683f74f987685d053",
                        .name = "backup-taken",
                        .fields = ACTION | ON(POLICY) | ON(DISK) | ON(REASON),
                        .subject = "An extra backup was taken",
                        .cause =
                                "An operator ordered it, for the reason in SNAPKEEP_REASON, and it "
                                "is complete in Azure.",
                        .effect = "It is of no slot and counts for nothing in the rule; it is kept "
                                  "until its own date, which the message tells.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_PAUSE_OVER] =
                {
                        .id = "212a116350f6402e9b9b2967d6caddeb",
                        .name = "pause-over",
                        .fields = 0,
                        .subject = "A pause is over",
                        .cause = "Its time has come.",
                        .effect = "Work goes on.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_RETIRE_OVER] =
                {
                        .id = "72c578245bfb47e6889b8fc93b2a993c",
                        .name = "retire-over",
                        .fields = 0,
                        .subject = "A retirement ended before its snapshots were gone",
                        .cause = "A policy and target select some of them again, or the daemon was "
                                 "reloaded or stopped.",
                        .effect = "Those that are left stay, under the rule of their policy if it "
                                  "selects them.",
                        .remedy = "If they are to go all the same: take the disk out of the "
                                  "policy's targets where one selects it, and say snapkeepctl "
                                  "retire again.",
                },
        [LOG_EVENT_STATE_UNWRITABLE] =
                {
                        .id = "e5fd1c23c3734145a6d63296bcf3954b",
                        .name = "state-unwritable",
                        .fields = 0,
                        .subject = "The state cannot be written",
                        .cause = "The disk under /var/lib/snapkeep is full, read-only, or broken; "
                                 "or "
                                 "one that could not be read cannot be kept under another name, "
                                 "which with File exists means that there are nine already.",
                        .effect =
                                "Snapshots are taken as ever. A restart would forget pauses, acks "
                                "and freezes, which only makes the daemon ask again.",
                        .remedy = "Make room, or remove the files state-unread-1 to 9 that are "
                                  "not needed any more.",
                },
        [LOG_EVENT_STATE_WRITABLE] =
                {
                        .id = "580314a42e0f427992178d756e6243e8",
                        .name = "state-writable",
                        .fields = 0,
                        .subject = "The state can be written again",
                        .cause = "There is room.",
                        .effect = "Nothing is lost.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_STATE_FORGOTTEN] =
                {
                        .id = "c3a9e39c88514b7bb78dc236e73b96db",
                        .name = "state-forgotten",
                        .fields = 0,
                        .subject = "The state that was kept cannot be used",
                        .cause = "It is damaged, was changed by hand, is of a newer version, or "
                                 "cannot be read: by the daemon's user, or at that moment.",
                        .effect = "Acks are forgotten, freezes begin anew. It may have held a "
                                  "pause: nothing is deleted until snapkeepctl resume. The file is "
                                  "kept under the name that the message says.",
                        .remedy = "If the file can be read again (its owner is right, the newer "
                                  "version is back): stop the daemon, call it state again, and "
                                  "start. Otherwise resume when nobody had paused it, and give "
                                  "what was accepted again, see snapkeepctl status.",
                },
        [LOG_EVENT_STARTED] =
                {
                        .id = "372e8a5d8e05489ba32b11cce6be620c",
                        .name = "started",
                        .fields = 0,
                        .subject = "snapkeepd has started",
                        .cause = "The service manager started it.",
                        .effect = "It works by the policy that the message names.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_CANNOT_START] =
                {
                        .id = "50b7e9e8d61540c589aa947e0a4feb51",
                        .name = "cannot-start",
                        .fields = 0,
                        .subject = "snapkeepd cannot start",
                        .cause = "The system refused memory, descriptors or a file that it needs.",
                        .effect = "No snapshot is taken until a start works; the service manager "
                                  "goes "
                                  "on trying.",
                        .remedy = "Follow what the message says.",
                },
        [LOG_EVENT_STOPPING] =
                {
                        .id = "dffc9784875a4b91b7de873a08f6db4a",
                        .name = "stopping",
                        .fields = 0,
                        .subject = "snapkeepd stops",
                        .cause = "A signal said so.",
                        .effect = "No snapshot is taken until the next start; what is under way in "
                                  "Azure is found again then.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_ROUND_OVER] =
                {
                        .id = "35243cdbd80a45e5ac55eaa98cb3d880",
                        .name = "round-over",
                        .fields = 0,
                        .subject = "One round is over",
                        .cause = "The daemon ran with --once.",
                        .effect = "It ends, with the status 75 when not all could be done.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_POLICY_FAULT] =
                {
                        .id = "20fdd0d62dbb4d89a061ae89fb22bcea",
                        .name = "policy-fault",
                        .fields = 0,
                        .subject = "The policy file has a fault or is worth a look",
                        .cause = "The message says where, what was expected, and a near miss.",
                        .effect = "An error keeps the policy from being used; with a warning it "
                                  "works "
                                  "as it is written.",
                        .remedy = "Mend it; snapkeepctl check tells all of them at once.",
                },
        [LOG_EVENT_POLICY_RELOADED] =
                {
                        .id = "902e90b16a244006900c05d7ef3d050c",
                        .name = "policy-reloaded",
                        .fields = 0,
                        .subject = "The policy was reloaded",
                        .cause = "An operator or the service manager asked for it.",
                        .effect = "The new policy is in force, and the world is read anew.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_RELOAD_FAILED] =
                {
                        .id = "6b8ee9e3af20435082219b77d30e4a29",
                        .name = "reload-failed",
                        .fields = 0,
                        .subject = "The policy was not reloaded",
                        .cause =
                                "The new file has an error; the entries before this one tell each.",
                        .effect =
                                "The old policy stays in force. A restart would fail with the new "
                                "file.",
                        .remedy = "Mend it: snapkeepctl check. Then systemctl reload snapkeepd.",
                },
        [LOG_EVENT_PRUNE_OFF] =
                {
                        .id = "88dd42e8c4684abc8dbb433d0c48745c",
                        .name = "prune-off",
                        .fields = ON(POLICY),
                        .subject = "A policy deletes nothing",
                        .cause = "safety.prune is off, though the policy has a keep rule.",
                        .effect = "Its chains grow, up to Azure's limit of 500.",
                        .remedy = "Set safety.prune to auto or ask if that is not meant.",
                },
        [LOG_EVENT_NO_STATE] =
                {
                        .id = "ea0248c5c96147d486065f9687f4dd3f",
                        .name = "no-state",
                        .fields = 0,
                        .subject = "There is no state directory",
                        .cause = "The daemon was not started by its unit, or its directory cannot "
                                 "be opened, or another daemon uses it.",
                        .effect = "Pauses, acks and freezes do not outlive a restart. Of one that "
                                  "is there the daemon knows no pause, and deletes nothing until "
                                  "snapkeepctl resume.",
                        .remedy = "Start it by systemctl; otherwise set STATE_DIRECTORY. Give each "
                                  "daemon a directory of its own.",
                },
        [LOG_EVENT_NO_CONNECTIONS] =
                {
                        .id = "b97a215b4ee94baeaf8c325e663bc29a",
                        .name = "no-connections",
                        .fields = 0,
                        .subject = "Connections cannot be prepared",
                        .cause = "The file of azure.cloud.ca cannot be read, or memory is out.",
                        .effect = "Nothing can be read or done in Azure.",
                        .remedy = "Follow what the message says.",
                },
        [LOG_EVENT_BUS_NAMED] =
                {
                        .id = "706566b7731c450aa92425be9344c193",
                        .name = "bus-named",
                        .fields = 0,
                        .subject = "Orders are taken on the bus",
                        .cause = "The bus gave the daemon its name.",
                        .effect = "snapkeepctl works.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_BUS_REFUSED] =
                {
                        .id = "89a9173e1b3d4bca922e82543014cb9c",
                        .name = "bus-refused",
                        .fields = 0,
                        .subject = "The bus does not give the daemon its name",
                        .cause = "Its policy file is not installed, or the daemon runs as another "
                                 "user.",
                        .effect =
                                "Snapshots are taken as ever; snapkeepctl cannot reach the daemon.",
                        .remedy = "Install org.snapkeep1.conf and reload dbus.",
                },
        [LOG_EVENT_BUS_LOST] =
                {
                        .id = "451fdc2ec5604d86bf8488961d208caf",
                        .name = "bus-lost",
                        .fields = 0,
                        .subject = "There is no bus",
                        .cause = "It has ended, or was never there.",
                        .effect =
                                "Snapshots are taken as ever; snapkeepctl cannot reach the daemon "
                                "until it is back.",
                        .remedy = "systemctl status dbus",
                },
        [LOG_EVENT_STUCK] =
                {
                        .id = "fffcc34a17564711be6e1ed2cd49f2ff",
                        .name = "stuck",
                        .fields = 0,
                        .subject = "The daemon hangs",
                        .cause = "Something in it waits for what does not come, though its loop "
                                 "turns: a fault of Snapkeep.",
                        .effect = "The watchdog is not fed any more, so the service manager starts "
                                  "it "
                                  "again within a minute. Nothing is done twice.",
                        .remedy = "Report it, with the journal of the daemon around this entry.",
                },
        [LOG_EVENT_CLOCK_STEPPED] =
                {
                        .id = "fba4e783dbe94dc1bbdd8d517c93fa49",
                        .name = "clock-stepped",
                        .fields = 0,
                        .subject = "This machine's clock was set",
                        .cause = "An operator or a time service set it, or the host of this "
                                 "machine had stopped it for a while.",
                        .effect = "Azure is read anew. Slots go by Azure's time and do not move. A "
                                  "clock that is wrong by more than a minute stops deletions.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_METRICS_UNWRITABLE] =
                {
                        .id = "ec5195b3590a4dbab8bb716ad8ca54b8",
                        .name = "metrics-unwritable",
                        .fields = 0,
                        .subject = "The metrics cannot be written",
                        .cause = "The directory of metrics.textfile is not there, or not the "
                                 "daemon's "
                                 "to write: under the unit it is /run/snapkeep.",
                        .effect = "Backups go on; monitoring has no figures.",
                        .remedy = "Set metrics.textfile to a file in /run/snapkeep.",
                },
        [LOG_EVENT_METRICS_WRITABLE] =
                {
                        .id = "43ee39ae51d248f2828184dc6b0968dd",
                        .name = "metrics-writable",
                        .fields = 0,
                        .subject = "The metrics can be written again",
                        .cause = "What kept them from it is over.",
                        .effect = "Monitoring has figures.",
                        .remedy = "Nothing is to be done.",
                },
        [LOG_EVENT_HEARTBEAT_FAILED] =
                {
                        .id = "51a12534abb34369bd285499eb6f6b2b",
                        .name = "heartbeat-failed",
                        .fields = 0,
                        .subject = "The heartbeat could not be sent",
                        .cause = "The service does not answer or refuses, its credential is not "
                                 "handed over, or does not hold a URL.",
                        .effect = "Backups go on; the service will raise an alarm.",
                        .remedy = "Follow what the message says.",
                },
        [LOG_EVENT_HEARTBEAT_AGAIN] =
                {
                        .id = "a90863b0f5234cf4b94b65cfc6ad77d5",
                        .name = "heartbeat-again",
                        .fields = 0,
                        .subject = "The heartbeat is heard again",
                        .cause = "The service answers.",
                        .effect = "Nothing was missed but calls.",
                        .remedy = "Nothing is to be done.",
                },
};
_Static_assert(ARRAY_SIZE(events) == _LOG_EVENT_N, "every event has its row");

const struct event_entry *event_entry(enum log_event event) {
        return &events[event];
}

const struct event_entry *event_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                if (strcmp(events[i].name, name) == 0)
                        return &events[i];
        return NULL;
}
