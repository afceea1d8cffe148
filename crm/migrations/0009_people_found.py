"""Finding people: tags, fixed lists, archived ones, stores, and any part of a name."""

import crm.clock
import crm.folding
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


# `crm.folding` does the same to what somebody types. An index stands on it: change it only together with that.
FOLD = r"""
CREATE OR REPLACE FUNCTION cauce_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(normalize($1, NFKD), '[\u0300-\u036F]', '', 'g')
$$"""


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0008_tasks_notes_demo'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(FOLD, "DROP FUNCTION IF EXISTS cauce_fold(text)"),
        migrations.CreateModel(
            name='ContactTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=crm.clock.BusinessNow())),
            ],
        ),
        migrations.CreateModel(
            name='FixedList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=crm.clock.BusinessNow())),
            ],
        ),
        migrations.CreateModel(
            name='ListMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('key', models.CharField(db_collation='C', max_length=60)),
                ('created_at', models.DateTimeField(db_default=crm.clock.BusinessNow())),
            ],
        ),
        migrations.AddField(
            model_name='user',
            name='preferences',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('archived_at__isnull', False)), fields=['id'], name='contact_archived'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('home_store__isnull', False)), fields=['home_store', 'id'], name='contact_store'),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(crm.folding.Fold('sort_name'), name='gin_trgm_ops'), name='contact_search'),
        ),
        migrations.AddField(
            model_name='contacttag',
            name='contact',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to='crm.contact'),
        ),
        migrations.AddField(
            model_name='fixedlist',
            name='segment',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='fixed_list', to='crm.segment'),
        ),
        migrations.AddField(
            model_name='listmember',
            name='contact',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to='crm.contact'),
        ),
        migrations.AddField(
            model_name='listmember',
            name='list',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='crm.fixedlist'),
        ),
        migrations.AddConstraint(
            model_name='tag',
            constraint=models.UniqueConstraint(fields=('key',), name='tag_once'),
        ),
        migrations.AddField(
            model_name='contacttag',
            name='tag',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to='crm.tag'),
        ),
        migrations.AddIndex(
            model_name='listmember',
            index=models.Index(fields=['contact'], name='listmember_contact'),
        ),
        migrations.AddConstraint(
            model_name='listmember',
            constraint=models.UniqueConstraint(fields=('list', 'contact'), name='listmember_once'),
        ),
        migrations.AddIndex(
            model_name='contacttag',
            index=models.Index(fields=['tag', 'contact'], name='contacttag_tag'),
        ),
        migrations.AddConstraint(
            model_name='contacttag',
            constraint=models.UniqueConstraint(fields=('contact', 'tag'), name='contacttag_once'),
        ),
    ]
